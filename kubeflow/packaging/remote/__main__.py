"""What the launcher starts on every rank, and the file by which processes that it spawns find `__main__`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeflow.packaging.remote import runner, uses
elif uses.SHADOWS:
    # Before anything of ours is imported: the user's folder, which Python has put first, may hold a `types.py`.
    import sys

    sys.path[:] = [path for path in sys.path if path != __file__.rpartition("/")[0]]
    del sys
if not TYPE_CHECKING:
    import _kubeflow_remote as runner

if __name__ == "__main__":
    runner.main()
elif uses.PROCESSES:  # a process that the job spawns
    runner.spawned(globals())
