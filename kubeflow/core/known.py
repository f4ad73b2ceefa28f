"""What is known of a collection that is followed, and what each piece of news changes about it. Pure; plain JSON."""

from __future__ import annotations

from kubeflow.core.reflector import Json, JsonWatchEvent, Listing, metadata_of, resource_version


class Known:
    """The objects of a collection as they were told of last.

    Attributes:
        objects: By namespace and name.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Json] = {}

    def take(self, news: Listing | JsonWatchEvent) -> list[JsonWatchEvent]:
        """Take in news, and return what is different from before: what is gone, what is new, what has changed.

        Of a listing, what is gone comes first, as it was seen last; an object that has taken the name of another is
        both. An event that tells what is known already is none.
        """
        if isinstance(news, Listing):
            return self._replaced(news)
        key, found = _key(news.object), news.object
        if news.type == "DELETED":
            self.objects.pop(key, None)
            return [news]
        before = self.objects.get(key)
        if before is not None and resource_version(found) and not _differs(before, found):
            return []
        self.objects[key] = found
        return [news]

    def _replaced(self, listing: Listing) -> list[JsonWatchEvent]:
        there = {_key(found): found for found in listing.objects}
        gone = [key for key, before in self.objects.items() if key not in there or not _same(before, there[key])]
        events = [JsonWatchEvent("DELETED", self.objects.pop(key)) for key in gone]
        for key, found in there.items():
            before = self.objects.get(key)
            if before is None:
                events.append(JsonWatchEvent("ADDED", found))
            elif _differs(before, found):
                events.append(JsonWatchEvent("MODIFIED", found))
        self.objects = there
        return events


def _key(found: Json) -> tuple[str, str]:
    return metadata_of(found, "namespace"), metadata_of(found, "name")


def _same(one: Json, other: Json) -> bool:
    return metadata_of(one, "uid") == metadata_of(other, "uid")


def _differs(before: Json, found: Json) -> bool:
    version = resource_version(found)
    return not _same(before, found) or (version != resource_version(before) if version else before != found)
