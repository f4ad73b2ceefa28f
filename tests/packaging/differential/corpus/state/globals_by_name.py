# run: main()
for name in ("alpha", "beta"):
    globals()[f"make_{name}"] = lambda x, name=name: f"{name}:{x}"


def main():
    return make_alpha(1), make_beta(2)
