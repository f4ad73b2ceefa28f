# run: main()
try:
    import ujson_that_is_missing as json
except ImportError:
    import json

try:
    from missing_lib import fast
except ImportError:
    fast = None

HAS_FAST = fast is not None


def main():
    return json.dumps([1]), HAS_FAST
