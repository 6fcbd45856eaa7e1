"""Reading and checking NIfTI images: their values, their position and their space.

A file is read once and kept in memory until it changes; of a 4-D image, only the non-zero box of each volume is kept.
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

from jugex._text import expand_home, read_file, refuse_device
from jugex.errors import RegionError, RegionFileError
from jugex.regions.grids import Affine, box_of, in_mni_box
from jugex.spaces import MNI_SPACE, is_mni_space

if TYPE_CHECKING:
    from nibabel.freesurfer.mghformat import MGHImage
    from nibabel.nifti1 import Nifti1Pair
    from nibabel.spatialimages import SpatialImage

    NiftiLike = Nifti1Pair | MGHImage

__all__ = ["Stack", "Values", "Volume", "file_stem", "find_nearest_file", "local_path", "read_image"]

#: Number of images kept in memory. A 1 mm label image takes 4 to 14 MB, the 121 maps of the Juelich parcellation 16 MB.
_N_CACHED = 8
#: A file that changed less than this many seconds ago is read again: its time is too coarse to show a further change.
_RECENT_SECONDS = 2.0
_CHUNK, _LONGEST_HEADER = 1 << 20, 540
#: Limits: voxels of a volume, and bytes of a file that must be in memory as a whole.
_MAX_VOXELS, _MAX_BYTES = 1 << 30, 2 << 30
#: Errors that reading a damaged file raises.
_DAMAGE_ERRORS = (OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error)
#: Code of Talairach space in a NIfTI header.
_TALAIRACH = 3


@dataclass(frozen=True)
class Values:
    """Summary of the values of an image, over all of its volumes.

    Attributes
    ----------
    lowest, highest : float
        Lowest and highest value.
    deviation : float
        Largest distance of a value from a whole number.
    others : tuple of float
        Lowest and highest of the values that do not round to 0, as whole numbers: none, one or two.
    slope : float
        Factor by which the header scales the stored values; 1 if it does not scale them.
    """

    lowest: float
    highest: float
    deviation: float
    others: tuple[float, ...]
    slope: float = 1.0

    @classmethod
    def of(cls, data: npt.NDArray[Any], slope: float = 1.0) -> Values:
        """Summarise an array without NaN."""
        flat = data.ravel(order="K")  # in the order of memory
        nonzero = flat[flat != 0]  # most voxels of most images are 0
        if not len(nonzero):
            return cls(0.0, 0.0, 0.0, (), slope)
        lowest, highest = float(nonzero.min()), float(nonzero.max())
        rounded = np.rint(nonzero) if data.dtype.kind == "f" else nonzero
        deviation = float(np.abs(nonzero - rounded).max()) if data.dtype.kind == "f" else 0.0
        rounded = rounded[rounded != 0]
        limits = {float(rounded.min()), float(rounded.max())} if len(rounded) else set()
        has_zero = len(nonzero) < data.size
        return cls(
            min(lowest, 0.0) if has_zero else lowest,
            max(highest, 0.0) if has_zero else highest,
            deviation,
            tuple(sorted(limits)),
            slope,
        )

    @classmethod
    def joined(cls, each: Sequence[Values]) -> Values:
        """Combine the summaries of several volumes."""
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
        The values, in the image's own data type (single precision if a NIfTI-1 header scales them); for a volume of a
        4-D image, only the smallest box that holds every non-zero value.
    affine : ndarray, shape (4, 4)
        From voxel indices to mm.
    title : str
        Name of the image in messages.
    path : Path or None
        Its file; None for an image in memory.
    sha256 : str
        Checksum of the file, or of shape, affine and data of an image in memory.
    space : str or None
        Variant of MNI space, if the file's name states it, or the space that the user named.
    values : Values
        Summary of the values of the image; for a volume of a 4-D image, of all its volumes.
    start : tuple of int, (i, j, k)
        First voxel of `data` in the whole image.
    grid : tuple of int, (i, j, k), or None
        Number of voxels of the whole image along each axis; None if `data` is the whole image.
    notes : tuple of str
        Notes about the image for the user.
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
        """Number of voxels of the whole image along each axis."""
        return self.data.shape if self.grid is None else self.grid

    @property
    def stem(self) -> str:
        """Name of the file without folder and ending."""
        return "image" if self.path is None else file_stem(self.path)


@dataclass(frozen=True, eq=False)
class Stack:
    """A 4-D image: one map per volume, each kept as the smallest box that holds every non-zero value.

    Attributes
    ----------
    volumes : tuple of Volume
        The maps.
    title : str
        Name of the image in messages.
    path : Path or None
        Its file; None for an image in memory.
    notes : tuple of str
        Notes about the image for the user.
    """

    volumes: tuple[Volume, ...]
    title: str
    path: Path | None
    notes: tuple[str, ...] = ()

    def pick(self, numbers: Sequence[int], first: int = 0) -> Volume:
        """Return a volume by its number from 0, or the maximum over several; messages count volumes from `first`."""
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
        """Summary of the values of all volumes."""
        return self.volumes[0].values

    @property
    def nbytes(self) -> int:
        """Size of the values in memory in bytes."""
        return sum(volume.data.nbytes for volume in self.volumes)


def read_image(
    image: str | os.PathLike[str] | SpatialImage, *, space: str | None = None, title: str | None = None
) -> Volume | Stack:
    """Read an image, or take it from memory if its file has not changed since it was read.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        A single-file NIfTI image, with one volume or several.
    space : str, optional
        Space of the image, which overrides its name and header; default: MNI152, which they must not contradict. Only
        for MNI152 is it checked whether the image can be in it.
    title : str, optional
        Name of an image in memory in messages; a file has its own name.

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
        return _read_uncached(image, space, title)
    path = local_path(image)
    state = _read_state(path)
    contents = _read_uncached(path, space) if state is None else _read_cached(path.absolute(), space, state)
    return replace(contents, path=path)


def _read_state(path: Path) -> tuple[int, int] | None:
    """Time of the last change (ns) and size of a file, which show a change; None if they are not reliable."""
    try:
        status = path.stat()
    except OSError:  # reported when the file is opened
        return None
    is_steady = path.is_file() and time.time() - status.st_mtime >= _RECENT_SECONDS
    return (status.st_mtime_ns, status.st_size) if is_steady else None


@lru_cache(maxsize=_N_CACHED)
def _read_cached(path: Path, space: str | None, state: tuple[int, int]) -> Volume | Stack:  # noqa: ARG001  # part of the key
    return _read_uncached(path, space)


def _read_uncached(image: Path | SpatialImage, space: str | None, title: str | None = None) -> Volume | Stack:
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
    data, n_nan = _replace_nan(data, title)
    if in_mni:
        _check_inside_mni_box(data, affine, title)
    sha256 = _hash_values([data], affine) if path is None else _hash_file(path)
    values = Values.of(data, _read_slope(image))
    return Volume(data, affine, title, path, sha256, variant, values, notes=_list_notes(image, title, n_nan))


def _read_stack(image: NiftiLike, path: Path | None, title: str, space: str | None) -> Stack:
    """Read a 4-D image volume by volume, so that only one of them is in memory as a whole at any time."""
    shape, n_volumes = _check_shape(image.shape, title)
    variant = _read_space(image, path, title, space)
    in_mni = is_mni_space(space or MNI_SPACE)
    affine = _read_affine(image, title, needs_code=in_mni)
    is_nonzero = np.zeros(shape, dtype=bool)
    boxes, starts, values, n_nan = [], [], [], 0
    for number in range(n_volumes):
        data = _read_values(image, title, volume=number)
        data, n_nan_here = _replace_nan(data, title)
        n_nan += n_nan_here
        values.append(Values.of(data, _read_slope(image)))
        box, start = _crop(data)
        boxes.append(box)
        starts.append(start)
        is_nonzero |= data != 0
    if in_mni:
        _check_inside_mni_box(is_nonzero, affine, title)
    sha256 = _hash_values([np.array(starts), *boxes], affine) if path is None else _hash_file(path)
    joined = Values.joined(values)
    volumes = tuple(
        Volume(box, affine, title, path, sha256, variant, joined, start=start, grid=shape)
        for box, start in zip(boxes, starts, strict=True)
    )
    return Stack(volumes, title, path, _list_notes(image, title, n_nan))


def _crop(data: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """Copy the smallest box that holds every non-zero value, with its first voxel; one voxel if all values are 0."""
    box = box_of(data != 0) or (slice(0, 1), slice(0, 1), slice(0, 1))
    kept = data[box].copy()
    kept.flags.writeable = False
    return kept, tuple(part.start for part in box)


def _load_nifti(
    image: str | os.PathLike[str] | SpatialImage, *, title: str | None = None
) -> tuple[NiftiLike, Path | None, str]:
    """Open an image without reading its values; return it with its path and its name in messages."""
    path = Path(image) if isinstance(image, str | os.PathLike) else None
    if title is None:
        title = path.name if path is not None else "the image in memory"
    return _check_type(image if path is None else _load_file(path), title), path, title


def _load_file(path: Path) -> Any:
    import nibabel

    try:
        _check_file(path)
        if re.search(r"\.gii(\.gz)?$", path.name, flags=re.IGNORECASE):
            raise _surface_error(path.name)
        refuse_device(path)
        is_gzip = _check_content(path)
        name = path.name.lower()
        is_misnamed = name.endswith((".nii", ".nii.gz")) and is_gzip != name.endswith(".gz")
        if is_misnamed or name.endswith((".mgh", ".mgz")):
            return _load_bytes(path, read_file(path, _MAX_BYTES))
        # kept open, so that volumes of a compressed file are read in one pass
        return nibabel.load(path, keep_file_open=True) if ".nii" in name else nibabel.load(path)
    except RegionError:
        raise
    except nibabel.filebasedimages.ImageFileError as error:
        raise _not_an_image_error(path) from error
    except (*_DAMAGE_ERRORS, nibabel.spatialimages.HeaderDataError, nibabel.freesurfer.mghformat.MGHError) as error:
        raise _damage_error(path.name, error) from error


def _load_bytes(path: Path, content: bytes) -> Any:
    """Read an image from bytes: FreeSurfer's formats, or NIfTI whose name does not show whether it is compressed."""
    import nibabel

    if path.suffix.lower() in (".mgh", ".mgz"):
        return nibabel.MGHImage.from_bytes(content)
    if content[344:348] == b"n+1\0":
        return nibabel.Nifti1Image.from_bytes(content)
    if content[4:8] == b"n+2\0":
        return nibabel.Nifti2Image.from_bytes(content)
    raise _not_an_image_error(path)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise RegionFileError(f"{path} is a folder: name the image in it")
    if not path.exists():
        nearest = find_nearest_file(path)
        hint = f"; did you mean {nearest!r}?" if nearest else "; check its path"
        raise RegionFileError(f"no file {path.name!r} in {str(path.parent)!r}{hint}")


def _check_content(path: Path) -> bool:
    """Check that a file holds what its header speaks of, and say whether it is compressed.

    A compressed one is read to its end: nibabel stops before the checksum that stands there.
    """
    with path.open("rb") as stream:
        beginning = stream.read(_LONGEST_HEADER)
    is_gzip = beginning[:2] == b"\x1f\x8b"
    n_bytes = path.stat().st_size
    if is_gzip:
        with gzip.open(path) as unpacked:
            beginning = unpacked.read(_LONGEST_HEADER)
            most, n_bytes = _find_end(beginning) or _MAX_BYTES, len(beginning)
            while n := len(unpacked.read(_CHUNK)):
                n_bytes += n
                if n_bytes > most + _CHUNK:
                    raise ValueError(f"it holds more than the {most:,} bytes that its header states")
    _check_header(path.name, beginning, n_bytes)
    return is_gzip


def _read_header(beginning: bytes) -> Any:
    """Header of a NIfTI image in one file, as it stands there; None for what is none."""
    import nibabel

    kinds: list[tuple[bytes, int, Any]] = [
        (b"n+1\0", 344, nibabel.Nifti1Header),
        (b"n+2\0", 4, nibabel.Nifti2Header),
    ]
    for magic, at, kind in kinds:
        if beginning[at : at + 4] == magic and len(beginning) >= kind.sizeof_hdr:
            return kind(beginning[: kind.sizeof_hdr], check=False)
    return None


def _find_end(beginning: bytes) -> int | None:
    """Bytes of an unpacked image by its header; None where it does not say."""
    header = _read_header(beginning)
    if header is None or not math.isfinite(header["vox_offset"]):
        return None
    try:
        n_bytes = int(header.get_data_dtype().itemsize)  # what is read goes by it, whatever `bitpix` says
    except (KeyError, ValueError):
        n_bytes = 0
    if not n_bytes:  # a type that cannot be read, which is said where it is tried
        return None
    return int(header["vox_offset"]) + math.prod(int(n) for n in header.get_data_shape()) * n_bytes


def _check_header(title: str, beginning: bytes, n_bytes: int) -> None:
    """Refuse an image of so many bytes, unpacked, whose header contradicts itself or the file."""
    header = _read_header(beginning)
    if header is None:
        return
    wrong = f"its header is wrong or the file damaged or incomplete; fetch {title} again, or write it anew"
    if not 1 <= header["dim"][0] <= 7:  # in either order of bytes
        n_dimensions = min(int(header["dim"][0]), int(header["dim"][0].byteswap()), key=abs)
        raise RegionFileError(f"the header of {title} says that it has {n_dimensions} dimensions: {wrong}")
    shape, start = tuple(int(n) for n in header.get_data_shape()), float(header["vox_offset"])
    _check_shape(shape, title)
    first = header.single_vox_offset
    if not first <= start <= n_bytes:
        raise RegionFileError(
            f"the header of {title} says that values begin at byte {start:g} (vox_offset), where {first:,} to "
            f"{n_bytes:,} can be: {wrong}"
        )
    if math.isinf(header["scl_slope"]):  # NaN and 0 say that nothing is scaled
        raise RegionFileError(
            f"the header of {title} scales what it stores by {float(header['scl_slope']):g} (scl_slope): {wrong}"
        )
    end = _find_end(beginning)
    if end is None:
        return
    dtype = header.get_data_dtype()
    # less than a slice more is padding
    if end > n_bytes or n_bytes - end >= math.prod(shape[:2]) * dtype.itemsize:
        bits = int(header["bitpix"])
        contradiction = f", though {bits} bits by bitpix" if bits != 8 * dtype.itemsize else ""
        raise RegionFileError(
            f"{title} holds {n_bytes - int(start):,} bytes of values, and its header speaks of {end - int(start):,} "
            f"({' x '.join(map(str, shape))} of type {'colour' if dtype.names else dtype}{contradiction}): {wrong}"
        )


def _not_an_image_error(path: Path) -> RegionFileError:
    reads = "is not an image: give a NIfTI file (.nii or .nii.gz)"
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return RegionFileError(f"{path.name} {reads}")
    return RegionFileError(
        f"{path.name} {reads}, and rename it if it is one: its name ends in neither .nii nor .nii.gz"
    )


def _damage_error(title: str, error: Exception) -> RegionFileError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return RegionFileError(f"{title} cannot be read ({reason}): the file is damaged or incomplete, fetch it again")


def _surface_error(title: str) -> RegionError:
    return RegionFileError(
        f"{title} is a file of a surface (GIFTI or CIFTI), but samples lie in a volume: give an image in MNI152 space"
    )


def _check_type(image: Any, title: str) -> NiftiLike:
    import nibabel

    if isinstance(image, nibabel.Nifti1Pair | nibabel.MGHImage):
        return image
    if isinstance(image, nibabel.Cifti2Image | nibabel.GiftiImage):
        raise _surface_error(title)
    if isinstance(image, nibabel.AnalyzeImage):
        raise RegionError(
            f"{title} is an Analyze image, whose header does not say which side is left: convert it to NIfTI with "
            "a program that knows"
        )
    raise RegionError(
        f"{title} is a {type(image).__name__}: give an image as the path of a NIfTI file (.nii, .nii.gz, .hdr with "
        ".img) or of a .mgz file, or as nibabel's Nifti1Image"
    )


def _read_codes(image: NiftiLike) -> tuple[int, int] | None:
    """The codes of sform and qform; None for formats without them (.mgz)."""
    if "sform_code" not in image.header:
        return None
    return int(image.header["sform_code"]), int(image.header["qform_code"])


def _list_notes(image: NiftiLike, title: str, n_nan: int) -> tuple[str, ...]:
    """Notes about an image for the user."""
    notes = []
    if n_nan:
        notes.append(f"{n_nan:,} values of {title} are NaN, and count as outside the region")
    codes = _read_codes(image)
    if codes is not None and all(codes):
        header: Any = image.header
        x_of_sform, x_of_qform = header.get_sform()[0, :3], header.get_qform()[0, :3]
        if x_of_sform @ x_of_qform < 0:
            notes.append(
                f"sform and qform of {title} disagree about which side is left; the sform is used: check the header"
            )
    return tuple(notes)


def _read_values(image: NiftiLike, title: str, *, volume: int | None = None) -> npt.NDArray[Any]:
    """Read the values (i, j, k) in their own data type; `volume` (from 0) selects one of several volumes."""
    shape, _ = _check_shape(image.shape, title)
    stored: np.dtype[Any] = image.dataobj.dtype  # type: ignore[attr-defined]  # of an image in memory, the header's type may be another
    if stored.kind not in "biuf":
        what = "colours" if stored.names else str(stored)
        raise RegionError(f"{title} holds values of type {what}: integers or real numbers are needed")
    try:
        data = np.asanyarray(image.dataobj if volume is None else image.dataobj[_find_volume(image.shape, volume)])
    except _DAMAGE_ERRORS as error:
        raise _damage_error(title, error) from error
    if _is_scaled(image) and image.header["scl_slope"].dtype == np.float32:
        data = data.astype(np.float32)  # the scaling factor is no more precise than that
    return data.astype(np.uint8).reshape(shape) if data.dtype.kind == "b" else data.reshape(shape)


def _check_shape(shape: tuple[int, ...], title: str) -> tuple[tuple[int, ...], int]:
    """Split the shape of an image into that of one volume and the number of volumes."""
    if len(shape) < 3:
        raise RegionError(f"{title} has the shape {shape}: three dimensions are needed")
    if min(shape) < 1:
        raise RegionError(
            f"{title} has {' x '.join(map(str, shape))} voxels by its header, and each number has to be 1 or more; "
            "fetch it again, or write it anew"
        )
    if math.prod(map(int, shape[:3])) > _MAX_VOXELS:
        raise RegionError(
            f"{title} has {' x '.join(map(str, shape[:3]))} voxels by its header, more than {_MAX_VOXELS:,} (a brain "
            "in cubes of 0.2 mm); resample it to a coarser grid, or fetch it again if it should be smaller"
        )
    return shape[:3], int(np.prod(shape[3:]))


def _find_volume(shape: tuple[int, ...], volume: int) -> tuple[Any, ...]:
    """Index of a volume (from 0), in the order of the file."""
    return (..., *(int(i) for i in np.unravel_index(volume, shape[3:], order="F")))


def _read_slope(image: NiftiLike) -> float:
    """Factor by which the header scales the stored values; 1 for an image in memory."""
    return float(getattr(image.dataobj, "slope", 1.0))


def _is_scaled(image: NiftiLike) -> bool:
    """Whether the header scales the stored values, so that stored integers are real numbers."""
    return _read_slope(image) != 1.0 or getattr(image.dataobj, "inter", 0.0) != 0.0


def _read_affine(image: NiftiLike, title: str, *, needs_code: bool) -> Affine:
    """Affine (4, 4) from voxel indices to mm; an error if the header does not define it."""
    codes = _read_codes(image)
    has_code = any(codes) if codes is not None else bool(image.header["goodRASFlag"])
    header: Any = image.header
    if image.affine is None or (needs_code and not has_code):
        why = "" if codes is None else " (sform_code and qform_code are both 0)"
        raise RegionError(
            f"{title} does not say in which space it is{why}: "
            "resample it to MNI152 space, or set the codes if it is in that space already"
        )
    # without a code, nibabel guesses an affine; if the user names the space, the header's matrix is meant
    affine = np.array(image.affine if has_code or codes is None else header.get_sform(), dtype=np.float64)
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise RegionError(f"the affine of {title} is singular or not finite: its header is wrong, write it again")
    return affine


def _replace_nan(data: npt.NDArray[Any], title: str) -> tuple[npt.NDArray[Any], int]:
    """Set NaN to 0 and count them; refuse infinite values."""
    if data.dtype.kind != "f" or np.isfinite(data).all():
        return data, 0
    if n_infinite := int(np.isinf(data).sum()):
        raise RegionError(f"{title} holds {n_infinite:,} values that are infinite: set them to 0")
    is_nan = np.isnan(data)
    return np.where(is_nan, data.dtype.type(0), data), int(is_nan.sum())


def _check_inside_mni_box(data: npt.NDArray[Any], affine: Affine, title: str) -> None:
    """Refuse an image with non-zero values where no brain in MNI space can be."""
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
    """Checksum (SHA-256) of the values of an image in memory and of its affine."""
    digest = hashlib.sha256()
    for data in arrays:
        digest.update(f"{data.shape} {data.dtype.str} ".encode())
        digest.update(affine.tobytes())
        digest.update(data.tobytes())
    return digest.hexdigest()


def _read_space(image: NiftiLike, path: Path | None, title: str, space: str | None) -> str | None:
    """Variant of MNI152 of an image (None if it states none), or the space that the user names.

    A file name states the space by the BIDS entity ``space-`` or the TemplateFlow entity ``tpl-``, a header by a code.
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
    return expand_home(text) if text.startswith("~") and not Path(text).exists() else Path(text)


def file_stem(path: Path) -> str:
    """Name of an image file without folder and ending: ``map`` of ``maps/map.nii.gz``."""
    return re.sub(r"(\.nii(\.gz)?|\.gz|\.hdr|\.img|\.mg[hz])?$", "", path.name, count=1, flags=re.IGNORECASE)


def find_nearest_file(path: Path) -> str | None:
    """Name of the file in the path's folder that is spelt most like it, if any is."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except (OSError, ValueError):  # no name of a folder holds a null character
        return None
    by_spelling = {file_stem(Path(name)): name for name in names} | {name: name for name in names}
    nearest = difflib.get_close_matches(path.name, by_spelling, n=1, cutoff=0.7)
    return by_spelling[nearest[0]] if nearest else None
