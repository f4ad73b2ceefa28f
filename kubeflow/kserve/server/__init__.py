"""The model server of this machine and of served functions: Open Inference Protocol v2 and v1 over HTTP.

Its modules load numpy, starlette and uvicorn in functions only: they are of the extra `serving`, and what submits a
service need not have them.
"""
