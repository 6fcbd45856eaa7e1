"""NIfTI images read and checked: what they hold, where it lies, and in which space.

A file is read once and kept in memory until it changes, a 4-D image only where it is not 0.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import math
import os
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import numpy.typing as npt

from jugex._text import read_file, refuse_device
from jugex.errors import RegionError, RegionFileError
from jugex.regions.grids import Affine, box_of, in_mni_box
from jugex.spaces import MNI_SPACE, is_mni_space

if TYPE_CHECKING:
    from nibabel.freesurfer.mghformat import MGHImage
    from nibabel.nifti1 import Nifti1Pair
    from nibabel.spatialimages import SpatialImage

    NiftiLike = Nifti1Pair | MGHImage

__all__ = ["Stack", "Values", "Volume", "file_stem", "find_nearest_file", "local_path", "read_image"]

#: How many images are kept. A 1 mm label image takes 4 to 14 MB, the 121 maps of the Juelich parcellation 16 MB.
_N_KEPT = 8
#: A file changed less than this ago (seconds) is read again: its time is too coarse to show that it changed again.
_FRESH = 2.0
_CHUNK = 1 << 20
#: Voxels of a volume, and bytes of a file that has to be in memory in full.
_MOST_VOXELS, _MOST_BYTES = 1 << 30, 2 << 30
#: What reading a damaged file raises.
_DAMAGE = (OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error)
#: Code of Talairach space in a NIfTI header.
_TALAIRACH = 3


@dataclass(frozen=True)
class Values:
    """Which values an image holds, over all of its volumes.

    Attributes
    ----------
    lowest, highest : float
        The limits.
    deviation : float
        Largest distance of a value from a whole number.
    others : tuple of float
        Lowest and highest of the values that are not 0 when rounded to whole numbers: none, one or two.
    slope : float
        By which the header scales what the file stores; 1 where it does not.
    """

    lowest: float
    highest: float
    deviation: float
    others: tuple[float, ...]
    slope: float = 1.0

    @classmethod
    def of(cls, data: npt.NDArray[Any], slope: float = 1.0) -> Values:
        """Values of an array without NaN."""
        flat = data.ravel(order="K")  # as it lies in memory
        some = flat[flat != 0]  # few voxels of most images
        if not len(some):
            return cls(0.0, 0.0, 0.0, (), slope)
        lowest, highest = float(some.min()), float(some.max())
        rounded = np.rint(some) if data.dtype.kind == "f" else some
        deviation = float(np.abs(some - rounded).max()) if data.dtype.kind == "f" else 0.0
        rounded = rounded[rounded != 0]
        limits = {float(rounded.min()), float(rounded.max())} if len(rounded) else set()
        has_zero = len(some) < data.size
        return cls(
            min(lowest, 0.0) if has_zero else lowest,
            max(highest, 0.0) if has_zero else highest,
            deviation,
            tuple(sorted(limits)),
            slope,
        )

    @classmethod
    def joined(cls, each: Sequence[Values]) -> Values:
        """Values of several volumes."""
        others = sorted({value for values in each for value in values.others})
        return cls(
            min(values.lowest for values in each),
            max(values.highest for values in each),
            max(values.deviation for values in each),
            tuple(others[:: max(len(others) - 1, 1)]),
            each[0].slope,
        )


@dataclass(frozen=True, eq=False)
class Volume:
    """One three-dimensional image, read and checked.

    Attributes
    ----------
    data : ndarray, shape (i, j, k)
        The values, in the image's own data type (single precision where a NIfTI-1 header scales them); of a volume
        of a 4-D image, those of the smallest box that holds every value but 0.
    affine : ndarray, shape (4, 4)
        Voxel indices to mm.
    title : str
        What the image is called in messages.
    path : Path or None
        Its file; None for an image in memory.
    sha256 : str
        Checksum of the file, or of shape, affine and data of an image in memory.
    space : str or None
        Variant of MNI space, where the file's name states it; else the space of the user's own.
    values : Values
        Which values the image holds; of a volume of a 4-D image, those of all its volumes.
    start : tuple of int, (i, j, k)
        The first voxel of `data` in the whole image.
    grid : tuple of int, (i, j, k), or None
        Voxels of the whole image along each axis; None: `data` is all of it.
    notes : tuple of str
        What the user should know of the image.
    """

    data: npt.NDArray[Any]
    affine: Affine
    title: str
    path: Path | None
    sha256: str
    space: str | None
    values: Values
    start: tuple[int, ...] = (0, 0, 0)
    grid: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels of the whole image along each axis."""
        return self.data.shape if self.grid is None else self.grid

    @property
    def stem(self) -> str:
        """Name of the file without folder and ending."""
        return "image" if self.path is None else file_stem(self.path)


@dataclass(frozen=True, eq=False)
class Stack:
    """A 4-D image: one map per volume, each kept as the smallest box that holds every value but 0.

    Attributes
    ----------
    volumes : tuple of Volume
        The maps.
    title : str
        What the image is called in messages.
    path : Path or None
        Its file; None for an image in memory.
    notes : tuple of str
        What the user should know of the image.
    """

    volumes: tuple[Volume, ...]
    title: str
    path: Path | None
    notes: tuple[str, ...] = ()

    def pick(self, numbers: Sequence[int], first: int = 0) -> Volume:
        """Volume by its number from 0, or the largest values of several; `first` is how messages count the first."""
        n_volumes = len(self.volumes)
        for number in numbers:
            if not 0 <= number < n_volumes:
                raise RegionError(
                    f"{self.title} has no volume {number + first}: it holds {n_volumes:,}, counted from {first} to "
                    f"{n_volumes - 1 + first}"
                )
        picked = [self.volumes[number] for number in numbers]
        if len(picked) == 1:
            return replace(picked[0], path=self.path)
        start = np.min([volume.start for volume in picked], axis=0)
        stop = np.max([np.add(volume.start, volume.data.shape) for volume in picked], axis=0)
        data = np.zeros(stop - start, dtype=picked[0].data.dtype)
        for volume in picked:
            at = tuple(slice(i, i + n) for i, n in zip(volume.start - start, volume.data.shape, strict=True))
            data[at] = np.maximum(data[at], volume.data)
        return replace(picked[0], path=self.path, data=data, start=tuple(int(i) for i in start))

    @property
    def stem(self) -> str:
        """Name of the file without folder and ending."""
        return "image" if self.path is None else file_stem(self.path)

    @property
    def values(self) -> Values:
        """Which values the volumes hold together."""
        return self.volumes[0].values

    @property
    def nbytes(self) -> int:
        """Bytes that the values take in memory."""
        return sum(volume.data.nbytes for volume in self.volumes)


def read_image(
    image: str | os.PathLike[str] | SpatialImage, *, space: str | None = None, title: str | None = None
) -> Volume | Stack:
    """Read an image, or take it from memory where its file has not changed since.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        A single-file NIfTI image, with one volume or several.
    space : str, optional
        Space of the image, whatever its name or header state; default: MNI152, which they must not contradict. Whether
        the image can be in it is checked for MNI152 only.
    title : str, optional
        What an image in memory is called in messages; a file is called by its name.

    Returns
    -------
    Volume or Stack
        One volume, or several. The values are shared between calls and cannot be written to.

    Raises
    ------
    RegionFileError
        If the file is missing or unreadable.
    RegionError
        If the image cannot be a region in that space.
    """
    if not isinstance(image, str | os.PathLike):
        return _read_anew(image, space, title)
    path = local_path(image)
    state = _read_state(path)
    contents = _read_anew(path, space) if state is None else _read_once(path.absolute(), space, state)
    return replace(contents, path=path)


def _read_state(path: Path) -> tuple[int, int] | None:
    """Time of the last change (ns) and size of a file, by which a change is seen; None where they cannot tell."""
    try:
        status = path.stat()
    except OSError:  # said better where it is opened
        return None
    is_steady = path.is_file() and time.time() - status.st_mtime >= _FRESH
    return (status.st_mtime_ns, status.st_size) if is_steady else None


@lru_cache(maxsize=_N_KEPT)
def _read_once(path: Path, space: str | None, state: tuple[int, int]) -> Volume | Stack:  # noqa: ARG001  # part of the key
    return _read_anew(path, space)


def _read_anew(image: Path | SpatialImage, space: str | None, title: str | None = None) -> Volume | Stack:
    loaded, path, title = _load_nifti(image, title=title)
    _, n_volumes = _check_shape(loaded.shape, title)
    if n_volumes > 1:
        return _read_stack(loaded, path, title, space)
    volume = _read_volume(loaded, path, title, space)
    shared = volume.data.view()  # the user's own array stays writeable
    shared.flags.writeable = False
    return replace(volume, data=shared)


def _read_volume(image: NiftiLike, path: Path | None, title: str, space: str | None) -> Volume:
    variant = _read_space(image, path, title, space)
    data = _read_values(image, title)
    in_mni = is_mni_space(space or MNI_SPACE)
    affine = _read_affine(image, title, needs_code=in_mni)
    data, n_nan = _set_nan_outside(data, title)
    if in_mni:
        _check_inside_mni_box(data, affine, title)
    sha256 = _hash_values([data], affine) if path is None else _hash_file(path)
    values = Values.of(data, _read_slope(image))
    return Volume(data, affine, title, path, sha256, variant, values, notes=_list_notes(image, title, n_nan))


def _read_stack(image: NiftiLike, path: Path | None, title: str, space: str | None) -> Stack:
    """Read volume by volume, so that at no time more than one of them is in memory in full."""
    shape, n_volumes = _check_shape(image.shape, title)
    variant = _read_space(image, path, title, space)
    in_mni = is_mni_space(space or MNI_SPACE)
    affine = _read_affine(image, title, needs_code=in_mni)
    somewhere = np.zeros(shape, dtype=bool)
    boxes, starts, values, n_nan = [], [], [], 0
    for number in range(n_volumes):
        data = _read_values(image, title, volume=number)
        data, n_nan_here = _set_nan_outside(data, title)
        n_nan += n_nan_here
        values.append(Values.of(data, _read_slope(image)))
        box, start = _crop(data)
        boxes.append(box)
        starts.append(start)
        somewhere |= data != 0
    if in_mni:
        _check_inside_mni_box(somewhere, affine, title)
    sha256 = _hash_values([np.array(starts), *boxes], affine) if path is None else _hash_file(path)
    joined = Values.joined(values)
    volumes = tuple(
        Volume(box, affine, title, path, sha256, variant, joined, start=start, grid=shape)
        for box, start in zip(boxes, starts, strict=True)
    )
    return Stack(volumes, title, path, _list_notes(image, title, n_nan))


def _crop(data: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """Copy the smallest box that holds every value but 0, and say where it begins; one voxel where all are 0."""
    box = box_of(data != 0) or (slice(0, 1), slice(0, 1), slice(0, 1))
    kept = data[box].copy()
    kept.flags.writeable = False
    return kept, tuple(part.start for part in box)


def _load_nifti(
    image: str | os.PathLike[str] | SpatialImage, *, title: str | None = None
) -> tuple[NiftiLike, Path | None, str]:
    """Open an image, its values not yet read; return it with its path and what it is called in messages."""
    path = Path(image) if isinstance(image, str | os.PathLike) else None
    if title is None:
        title = path.name if path is not None else "the image in memory"
    return _check_type(image if path is None else _load_file(path), title), path, title


def _load_file(path: Path) -> Any:
    import nibabel

    try:
        _check_file(path)
        if re.search(r"\.gii(\.gz)?$", path.name, flags=re.IGNORECASE):
            raise _surface(path.name)
        refuse_device(path)
        is_gzip = _check_gzip(path)
        name = path.name.lower()
        is_misnamed = name.endswith((".nii", ".nii.gz")) and is_gzip != name.endswith(".gz")
        if is_misnamed or name.endswith((".mgh", ".mgz")):
            return _load_bytes(path, read_file(path, _MOST_BYTES))
        # an open file, so that volumes of a compressed one are read in one go
        return nibabel.load(path, keep_file_open=True) if ".nii" in name else nibabel.load(path)
    except RegionFileError:
        raise
    except nibabel.filebasedimages.ImageFileError as error:
        raise _no_image(path) from error
    except (*_DAMAGE, nibabel.spatialimages.HeaderDataError, nibabel.freesurfer.mghformat.MGHError) as error:
        raise _damaged(path.name, error) from error


def _load_bytes(path: Path, content: bytes) -> Any:
    """Read an image of FreeSurfer, or one that is compressed though its name does not say so, or the reverse."""
    import nibabel

    if path.suffix.lower() in (".mgh", ".mgz"):
        return nibabel.MGHImage.from_bytes(content)
    if content[344:348] == b"n+1\0":
        return nibabel.Nifti1Image.from_bytes(content)
    if content[4:8] == b"n+2\0":
        return nibabel.Nifti2Image.from_bytes(content)
    raise _no_image(path)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise RegionFileError(f"{path} is a folder: name the image in it")
    if not path.exists():
        nearest = find_nearest_file(path)
        hint = f"; did you mean {nearest!r}?" if nearest else "; check its path"
        raise RegionFileError(f"no file {path.name!r} in {str(path.parent)!r}{hint}")


def _check_gzip(path: Path) -> bool:
    """Whether a file is compressed; it is read to its end, as nibabel stops before the checksum that stands there."""
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    if is_gzip:
        with gzip.open(path) as unpacked:
            beginning = unpacked.read(540)
            most, n_bytes = _find_size(beginning), len(beginning)
            while n := len(unpacked.read(_CHUNK)):
                n_bytes += n
                if n_bytes > most + _CHUNK:
                    raise ValueError(f"it holds more than the {most:,} bytes that its header speaks of")
    return is_gzip


def _find_size(beginning: bytes) -> int:
    """Bytes of an unpacked image by its header; of what is no NIfTI image, all that will be read."""
    import nibabel

    kinds: list[tuple[bytes, int, Any]] = [
        (b"n+1\0", 344, nibabel.Nifti1Header),
        (b"n+2\0", 4, nibabel.Nifti2Header),
    ]
    for magic, at, kind in kinds:
        if beginning[at : at + 4] == magic and len(beginning) >= kind.sizeof_hdr:
            header = kind(beginning[: kind.sizeof_hdr], check=False)
            n_values = math.prod(int(n) for n in header.get_data_shape())
            return int(header["vox_offset"]) + n_values * int(header["bitpix"]) // 8
    return _MOST_BYTES


def _no_image(path: Path) -> RegionFileError:
    reads = "is not an image: give a NIfTI file (.nii or .nii.gz)"
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return RegionFileError(f"{path.name} {reads}")
    return RegionFileError(
        f"{path.name} {reads}, and rename it if it is one: its name ends in neither .nii nor .nii.gz"
    )


def _damaged(title: str, error: Exception) -> RegionFileError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return RegionFileError(f"{title} cannot be read ({reason}): the file is damaged or incomplete, fetch it again")


def _surface(title: str) -> RegionError:
    return RegionFileError(
        f"{title} is a file of a surface (GIFTI or CIFTI), and samples lie in a volume: give an image in MNI152 space"
    )


def _check_type(image: Any, title: str) -> NiftiLike:
    import nibabel

    if isinstance(image, nibabel.Nifti1Pair | nibabel.MGHImage):
        return image
    if isinstance(image, nibabel.Cifti2Image | nibabel.GiftiImage):
        raise _surface(title)
    if isinstance(image, nibabel.AnalyzeImage):
        raise RegionError(
            f"{title} is an Analyze image, whose header does not say what is left and right: convert it to NIfTI with "
            "a program that knows"
        )
    raise RegionError(
        f"{title} is a {type(image).__name__}: give an image as the path of a NIfTI file (.nii, .nii.gz, .hdr with "
        ".img) or of a .mgz file, or as nibabel's Nifti1Image"
    )


def _read_codes(image: NiftiLike) -> tuple[int, int] | None:
    """The codes of sform and qform; None for a format without them (.mgz)."""
    if "sform_code" not in image.header:
        return None
    return int(image.header["sform_code"]), int(image.header["qform_code"])


def _list_notes(image: NiftiLike, title: str, n_nan: int) -> tuple[str, ...]:
    """What the user should know of an image."""
    notes = []
    if n_nan:
        notes.append(f"{n_nan:,} values of {title} are NaN, and outside")
    codes = _read_codes(image)
    if codes is not None and all(codes):
        header: Any = image.header
        x_of_sform, x_of_qform = header.get_sform()[0, :3], header.get_qform()[0, :3]
        if x_of_sform @ x_of_qform < 0:
            notes.append(
                f"sform and qform of {title} disagree on what is left and right; the sform is taken: check the header"
            )
    return tuple(notes)


def _read_values(image: NiftiLike, title: str, *, volume: int | None = None) -> npt.NDArray[Any]:
    """Read the values (i, j, k) in their own data type; of an image with several volumes, those of one (from 0)."""
    shape, _ = _check_shape(image.shape, title)
    stored: np.dtype[Any] = image.dataobj.dtype  # type: ignore[attr-defined]  # of an image in memory, the header's type may be another
    if stored.kind not in "biuf":
        what = "colours" if stored.names else str(stored)
        raise RegionError(f"{title} holds values of type {what}: integers or real numbers are needed")
    try:
        data = np.asanyarray(image.dataobj if volume is None else image.dataobj[_find_volume(image.shape, volume)])
    except _DAMAGE as error:
        raise _damaged(title, error) from error
    if _is_scaled(image) and image.header["scl_slope"].dtype == np.float32:
        data = data.astype(np.float32)  # the scaling factor is no more precise than that
    return data.astype(np.uint8).reshape(shape) if data.dtype.kind == "b" else data.reshape(shape)


def _check_shape(shape: tuple[int, ...], title: str) -> tuple[tuple[int, ...], int]:
    """Split the shape of an image into that of one volume and the number of volumes."""
    if len(shape) < 3 or min(shape) < 1:
        raise RegionError(f"{title} has the shape {shape}: three dimensions are needed")
    if math.prod(map(int, shape[:3])) > _MOST_VOXELS:
        raise RegionError(
            f"{title} has {' x '.join(map(str, shape[:3]))} voxels by its header, more than {_MOST_VOXELS:,} (a brain "
            "in cubes of 0.2 mm); resample it to a coarser grid, or fetch it again if it should be smaller"
        )
    return shape[:3], int(np.prod(shape[3:]))


def _find_volume(shape: tuple[int, ...], volume: int) -> tuple[Any, ...]:
    """Index of a volume (from 0), in the order in which a file holds them."""
    return (..., *(int(i) for i in np.unravel_index(volume, shape[3:], order="F")))


def _read_slope(image: NiftiLike) -> float:
    """Factor by which the header scales what the file stores; 1 for an image in memory."""
    return float(getattr(image.dataobj, "slope", 1.0))


def _is_scaled(image: NiftiLike) -> bool:
    """Whether the header scales what the file stores: a scaled integer is a real number."""
    return _read_slope(image) != 1.0 or getattr(image.dataobj, "inter", 0.0) != 0.0


def _read_affine(image: NiftiLike, title: str, *, needs_code: bool) -> Affine:
    """Voxel indices to mm (4, 4), where the header says what they are."""
    codes = _read_codes(image)
    has_code = any(codes) if codes is not None else bool(image.header["goodRASFlag"])
    header: Any = image.header
    if image.affine is None or (needs_code and not has_code):
        why = "" if codes is None else " (sform_code and qform_code are both 0)"
        raise RegionError(
            f"{title} does not say in which space it is{why}: "
            "resample it to MNI152 space, or set the codes where it is there already"
        )
    # without a code nibabel guesses an affine; where the user names the space, the header's matrix is what was meant
    affine = np.array(image.affine if has_code or codes is None else header.get_sform(), dtype=np.float64)
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise RegionError(f"the affine of {title} is singular or not finite: its header is wrong, write it again")
    return affine


def _set_nan_outside(data: npt.NDArray[Any], title: str) -> tuple[npt.NDArray[Any], int]:
    """Set NaN to 0 and count it; refuse what is infinite."""
    if data.dtype.kind != "f" or np.isfinite(data).all():
        return data, 0
    if n_infinite := int(np.isinf(data).sum()):
        raise RegionError(f"{title} holds {n_infinite:,} values that are infinite: set them to 0")
    is_nan = np.isnan(data)
    return np.where(is_nan, data.dtype.type(0), data), int(is_nan.sum())


def _check_inside_mni_box(data: npt.NDArray[Any], affine: Affine, title: str) -> None:
    """Refuse an image with values other than 0 where no brain in MNI space can be."""
    mask = data != 0
    box = box_of(mask)
    if box is None:
        return
    limits = [(part.start, part.stop - 1) for part in box]
    corners = np.stack(np.meshgrid(*limits, indexing="ij"), axis=-1).reshape(-1, 3)
    if in_mni_box(corners @ affine[:3, :3].T + affine[:3, 3]).all():
        return
    outside = ~in_mni_box(np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3])
    if outside.any():
        raise RegionError(
            f"{title} is not in MNI space: {int(outside.sum()):,} of its {outside.size:,} non-zero voxels lie outside "
            "x -100..100, y -140..110, z -90..120 mm; resample it to MNI152 space"
        )


def _hash_file(path: Path) -> str:
    """Checksum (SHA-256) of a file, or of the two files of a pair."""
    digest = hashlib.sha256()
    for file in _list_parts(path):
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _list_parts(path: Path) -> list[Path]:
    """Header and image of a pair, or the single file."""
    if path.suffix.lower() not in (".hdr", ".img"):
        return [path]
    return [path.with_suffix(suffix.upper() if path.suffix.isupper() else suffix) for suffix in (".hdr", ".img")]


def _hash_values(arrays: Sequence[npt.NDArray[Any]], affine: Affine) -> str:
    """Checksum (SHA-256) of the values of an image in memory and of where they are."""
    digest = hashlib.sha256()
    for data in arrays:
        digest.update(f"{data.shape} {data.dtype.str} ".encode())
        digest.update(affine.tobytes())
        digest.update(data.tobytes())
    return digest.hexdigest()


def _read_space(image: NiftiLike, path: Path | None, title: str, space: str | None) -> str | None:
    """Variant of MNI152 that an image is in, None where it states none, or the space that the user names.

    The name states it by the BIDS entity ``space-`` or the TemplateFlow entity ``tpl-``, the header by its code.
    """
    found = None if path is None else re.search(r"(?:^|_)(?:space|tpl)-([A-Za-z0-9]+)", path.name)
    stated, where = (found[1], "name") if found else (None, "header")
    if stated is None:
        sform, qform = _read_codes(image) or (0, 0)
        stated = "Talairach" if (sform or qform) == _TALAIRACH else None
    in_mni = stated is None or re.match("MNI152|ICBM152|MNI$", stated, flags=re.IGNORECASE) is not None
    if space is None and not in_mni:
        raise RegionError(
            f"{title} is in the space {stated} by its {where}, but MNI152 is needed: transform it to MNI152. If it is "
            f"in MNI152 in spite of its {where}, say so: --space {MNI_SPACE} (space={MNI_SPACE!r} in Python). If the "
            f"coordinates of your atlas are in {stated} as well, name that space"
        )
    return stated if in_mni and is_mni_space(space or MNI_SPACE) else space


def local_path(path: str | os.PathLike[str]) -> Path:
    """Path of a file that may be written as ``~/map.nii.gz`` or ``file:///maps/map.nii.gz``."""
    text = os.fspath(path)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(quote(text, safe=":/%")).path))
    return Path(text).expanduser() if text.startswith("~") and not Path(text).exists() else Path(text)


def file_stem(path: Path) -> str:
    """Name of an image file without folder and ending: ``map`` of ``maps/map.nii.gz``."""
    return re.sub(r"(\.nii(\.gz)?|\.gz|\.hdr|\.img|\.mg[hz])?$", "", path.name, count=1, flags=re.IGNORECASE)


def find_nearest_file(path: Path) -> str | None:
    """Name of the file in the path's folder that is spelt most like it, if any is."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return None
    by_spelling = {file_stem(Path(name)): name for name in names} | {name: name for name in names}
    nearest = difflib.get_close_matches(path.name, by_spelling, n=1, cutoff=0.7)
    return by_spelling[nearest[0]] if nearest else None
