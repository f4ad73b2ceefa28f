"""The types that users write and read. `kubeflow.trainer` exports them; `types.types` has them all."""
