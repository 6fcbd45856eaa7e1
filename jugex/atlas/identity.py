"""The record of an atlas in a run's settings: where its values come from, and what views changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "AtlasChanges",
    "AtlasDonor",
    "AtlasIdentity",
    "AtlasSource",
    "FileRecord",
    "MirrorRecord",
    "NewCoordinates",
    "NewProbeGenes",
    "Scale",
    "ServiceResponse",
    "Side",
]

#: Scale of the levels of the user's tables: log2 as given; log2(1 + x) of counts per million or of the counts
#: themselves; or not log2.
Scale = Literal["log2", "log2-counts-per-million", "log2-counts", "other"]
#: Hemisphere into which all samples are reflected.
Side = Literal["left", "right"]


@dataclass(frozen=True)
class FileRecord:
    """A file, identified by its content.

    Attributes
    ----------
    file : str or None
        Its name or path; None for a table that was given in memory.
    sha256 : str
        SHA-256 of its bytes, in hexadecimal digits.
    bytes : int, optional
        Its size.
    donor_name : str, optional
        The donor whose data it holds.
    """

    file: str | None
    sha256: str
    bytes: int | None = None
    donor_name: str | None = None

    @classmethod
    def of(cls, path: Path, *, name: str | None = None, donor_name: str | None = None) -> FileRecord:
        """Read a file to its end and record it, under another name if one is given.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return cls(str(path) if name is None else name, digest, path.stat().st_size, donor_name)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON types; unknown values are left out."""
        known = {"donor_name": self.donor_name, "file": self.file, "bytes": self.bytes, "sha256": self.sha256}
        return {key: value for key, value in known.items() if value is not None or key == "file"}


@dataclass(frozen=True)
class ServiceResponse:
    """An answer of a web service: the address requested, the time (ISO 8601, UTC) and the SHA-256 of its bytes."""

    request: str
    date: str
    sha256: str


@dataclass(frozen=True)
class AtlasDonor:
    """A donor as the atlas describes it; None where the source gives no value. The age is in years."""

    donor_name: str
    donor_id: int
    age: float | None
    gender: str | None
    race: str | None

    def __post_init__(self) -> None:
        if self.age is not None:  # also for whole years, so that a record read from a file equals the one written
            object.__setattr__(self, "age", float(self.age))


@dataclass(frozen=True)
class AtlasSource:
    """Where the values of an atlas come from.

    Attributes
    ----------
    kind : str
        `store`, `archives`, `simulated`, `allen-api`, `allen-download` or `tables`.
    path : str or None
        What `jugex.open_atlas` opens it from; None for tables in memory and for the simulated atlas.
    files : tuple of FileRecord
        The files that the values were read from.
    precision : str, optional
        Type of the levels, `float32` or `float64`.
    built_by : str, optional
        Version of jugex that built the store.
    store_sha256 : str, optional
        Identity of the store: SHA-256 of the names and SHA-256 of its files.
    seed : int, optional
        Seed of simulated values.
    zscores : str, optional
        Whether z-scores were `computed` from the levels or taken `as given`.
    values_sha256 : str, optional
        SHA-256 of tables in memory.
    scale : str, optional
        Scale of the levels of tables, see `Scale`; None for the Allen Institute's, which are log2.
    n_several_genes : int, optional
        Probes of the tables that were left out because each measures several genes.
    url : str, optional
        Address of the web service.
    responses : tuple of ServiceResponse, optional
        Answers of the web service; None for other sources.
    """

    kind: str
    path: str | None = None
    files: tuple[FileRecord, ...] = ()
    precision: str | None = None
    built_by: str | None = None
    store_sha256: str | None = None
    seed: int | None = None
    zscores: str | None = None
    values_sha256: str | None = None
    scale: Scale | None = None
    n_several_genes: int | None = None
    url: str | None = None
    responses: tuple[ServiceResponse, ...] | None = None


@dataclass(frozen=True)
class NewCoordinates:
    """Coordinates that replaced those of the source: files, columns read, number of wells, of samples left out."""

    files: tuple[FileRecord, ...]
    columns: tuple[str, ...]
    n_wells: int
    n_dropped: int


@dataclass(frozen=True)
class MirrorRecord:
    """Reflection of samples into one hemisphere."""

    side: Side
    n_reflected: int


@dataclass(frozen=True)
class NewProbeGenes:
    """A re-annotation of probes: its file, and how many probes were kept, left out, or given another gene.

    `n_several_genes` of those left out measure several genes.
    """

    file: FileRecord
    n_probes: int
    n_dropped: int
    n_changed: int
    n_several_genes: int = 0


@dataclass(frozen=True)
class AtlasChanges:
    """What the views of an atlas changed, apart from the choice of donors; None where nothing was changed."""

    coordinates: NewCoordinates | None = None
    mirror: MirrorRecord | None = None
    reannotation: NewProbeGenes | None = None


@dataclass(frozen=True)
class AtlasIdentity:
    """What determines the values of an atlas.

    Attributes
    ----------
    name : str
        What the atlas is called in reports.
    simulated : bool
        Whether the values are made up.
    space : str
        Space of the coordinates, by TemplateFlow's name.
    n_samples, n_probes : int
        Samples and probes in use.
    donors : tuple of AtlasDonor
        Donors in use.
    source : AtlasSource
        Where the values come from.
    changes : AtlasChanges
        Coordinates, mirror and re-annotation, if they differ from the source.
    """

    name: str
    simulated: bool
    space: str
    n_samples: int
    n_probes: int
    donors: tuple[AtlasDonor, ...]
    source: AtlasSource
    changes: AtlasChanges = AtlasChanges()

    def to_dict(self) -> dict[str, Any]:
        """The record as it stands in ``settings.json`` under `atlas` (JSON types only)."""
        source, coordinates, probe_genes = self.source, self.changes.coordinates, self.changes.reannotation
        optional = {
            "url": source.url,
            "precision": source.precision,
            "built_by": source.built_by,
            "store_sha256": source.store_sha256,
            "seed": source.seed,
            "values_sha256": source.values_sha256,
            "zscores": source.zscores,
            "scale": source.scale,
            "n_several_genes": source.n_several_genes,
        }
        record: dict[str, Any] = {
            "coordinates": coordinates
            and {
                "files": [file.to_dict() for file in coordinates.files],
                "columns": list(coordinates.columns),
                "n_wells": coordinates.n_wells,
                "n_dropped": coordinates.n_dropped,
            },
            "mirror": self.changes.mirror and asdict(self.changes.mirror),
            "reannotation": probe_genes
            and probe_genes.file.to_dict()
            | {
                "n_probes": probe_genes.n_probes,
                "n_dropped": probe_genes.n_dropped,
                "n_changed": probe_genes.n_changed,
                "n_several_genes": probe_genes.n_several_genes,
            },
            "kind": source.kind,
            "name": self.name,
            "simulated": self.simulated,
            "path": source.path,
            "space": self.space,
            "n_samples": self.n_samples,
            "n_probes": self.n_probes,
            "donors": [asdict(donor) for donor in self.donors],
            "files": [file.to_dict() for file in source.files],
        }
        record |= {key: value for key, value in optional.items() if value is not None}
        if source.responses is not None:
            record["dates"] = sorted({response.date for response in source.responses})
            record["responses"] = [asdict(response) for response in source.responses]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> AtlasIdentity:
        """Read what `to_dict` wrote.

        Raises
        ------
        KeyError, TypeError
            If a part is missing or unknown.
        """
        coordinates, mirror, reannotation = (record[key] for key in ("coordinates", "mirror", "reannotation"))
        if coordinates is not None:
            files = tuple(FileRecord(**file) for file in coordinates["files"])
            coordinates = NewCoordinates(**{**coordinates, "files": files, "columns": tuple(coordinates["columns"])})
        if reannotation is not None:
            counts = {key: reannotation[key] for key in ("n_probes", "n_dropped", "n_changed", "n_several_genes")}
            of_file = {key: value for key, value in reannotation.items() if key not in counts}
            reannotation = NewProbeGenes(FileRecord(**of_file), **counts)
        optional = (
            "precision",
            "built_by",
            "store_sha256",
            "seed",
            "zscores",
            "values_sha256",
            "scale",
            "n_several_genes",
            "url",
        )
        responses = record.get("responses")
        source = AtlasSource(
            kind=record["kind"],
            path=record["path"],
            files=tuple(FileRecord(**file) for file in record["files"]),
            responses=None if responses is None else tuple(ServiceResponse(**response) for response in responses),
            **{key: record.get(key) for key in optional},
        )
        return cls(
            source=source,
            donors=tuple(AtlasDonor(**donor) for donor in record["donors"]),
            changes=AtlasChanges(coordinates, None if mirror is None else MirrorRecord(**mirror), reannotation),
            **{key: record[key] for key in ("name", "simulated", "space", "n_samples", "n_probes")},
        )
