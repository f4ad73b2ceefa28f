"""The documentation site: pages of this repository as HTML, with a search and an API reference. Built by `make site`.

Pages are written for GitHub and for the site alike. A build copies them to `.cache/pages` with links that fit there,
adds the pages that are generated, and lets mkdocs write `build/site`.
"""
