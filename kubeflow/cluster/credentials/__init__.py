"""Where address and credentials of a cluster are read: kubeconfigs, service accounts, configurations of the user.

Behaviour is that of kubectl and client-go. The official Python client is not asked: its releases differ.
"""
