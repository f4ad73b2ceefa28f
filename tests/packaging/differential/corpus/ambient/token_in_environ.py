# run: main()
# %%
import os

os.environ["HF_TOKEN"] = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEF12"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["LOG_STYLE"] = "plain"


# %%
def main():
    return os.environ["LOG_STYLE"]
