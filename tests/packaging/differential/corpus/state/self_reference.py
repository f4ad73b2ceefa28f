# run: main()
# %%
tree = {"name": "root", "children": []}
tree["children"].append({"name": "leaf", "parent": tree})


# %%
def main():
    leaf = tree["children"][0]
    return leaf["parent"] is tree, leaf["parent"]["name"]
