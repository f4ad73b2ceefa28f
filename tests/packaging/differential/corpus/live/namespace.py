# run: train()
import argparse, types
NS = argparse.Namespace(lr=0.1, f=len)
SN = types.SimpleNamespace(a=1, b=[2])
def train(): return NS.lr, NS.f("ab"), SN.a, SN.b
