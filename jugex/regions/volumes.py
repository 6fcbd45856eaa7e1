"""Reading NIfTI images and refusing those that cannot be a region in MNI space."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jugex.errors import RegionError, RegionFileError

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = ["MNI_BOX", "Volume", "file_stem", "find_nearest_file", "in_mni_box", "read_volume", "voxel_volume"]

#: Lowest and highest x, y, z (mm) where an image in MNI space may have non-zero voxels.
MNI_BOX = ((-100.0, -140.0, -90.0), (100.0, 110.0, 120.0))

_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Volume:
    """One three-dimensional image in MNI space, read and checked.

    Attributes
    ----------
    data : ndarray, shape (i, j, k)
        The values, in the image's own data type (single precision where a NIfTI-1 header scales them).
    affine : ndarray, shape (4, 4)
        Voxel indices to mm.
    title : str
        What the image is called in messages.
    path : Path or None
        Its file; None for an image in memory.
    sha256 : str
        Checksum of the file, or of shape, affine and data of an image in memory.
    space : str or None
        Variant of MNI space, where the file's name tells it.
    """

    data: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    title: str
    path: Path | None
    sha256: str
    space: str | None

    @property
    def stem(self) -> str:
        """Name of the file without folder and ending."""
        return "image" if self.path is None else file_stem(self.path)


def read_volume(image: str | os.PathLike[str] | SpatialImage) -> Volume:
    """Read one three-dimensional image in MNI space.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        A single-file NIfTI image, with one volume.

    Returns
    -------
    Volume
        Its values in its own data type, and where they are.

    Raises
    ------
    RegionFileError
        Where the file is missing or unreadable.
    RegionError
        Where the image cannot be a region in MNI space.
    """
    path = Path(image) if isinstance(image, str | os.PathLike) else None
    title = path.name if path is not None else "the image in memory"
    loaded = _check_type(image if path is None else _load_file(path), title)
    data = _read_data(loaded, title)
    affine = _read_affine(loaded, title)
    _check_values(data, title)
    _check_inside_mni_box(data, affine, title)
    sha256 = _hash_array(data, affine) if path is None else _hash_file(path)
    return Volume(data, affine, title, path, sha256, _read_space(path))


def file_stem(path: Path) -> str:
    """Name of a NIfTI file without folder and ending: ``map`` of ``maps/map.nii.gz``."""
    return re.sub(r"(\.nii)?(\.gz)?$", "", path.name, flags=re.IGNORECASE)


def find_nearest_file(path: Path) -> str | None:
    """Name of the file in the path's folder that is spelt most like it, if any is."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return None
    by_spelling = {file_stem(Path(name)): name for name in names} | {name: name for name in names}
    nearest = difflib.get_close_matches(path.name, by_spelling, n=1, cutoff=0.7)
    return by_spelling[nearest[0]] if nearest else None


def in_mni_box(points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether points (n, 3) in mm lie in `MNI_BOX`, with a micrometre of room for rounding."""
    low, high = np.asarray(MNI_BOX)
    return np.asarray(((points >= low - 1e-3) & (points <= high + 1e-3)).all(axis=-1))


def voxel_volume(affine: npt.NDArray[np.float64]) -> float:
    """Volume in mm3 of a voxel of the grid that an affine (4, 4) describes."""
    first, second, third = affine[:3, :3].T
    return float(abs(np.cross(first, second) @ third))  # unlike np.linalg.det, exact for whole voxel sizes


def _load_file(path: Path) -> Any:
    import nibabel

    try:
        _check_file(path)
        _check_gzip(path)
        return nibabel.load(path)
    except RegionFileError:
        raise
    except nibabel.filebasedimages.ImageFileError as error:
        raise RegionFileError(f"{path.name} is not an image: give a NIfTI file (.nii or .nii.gz)") from error
    except (OSError, EOFError, ValueError, zlib.error, nibabel.spatialimages.HeaderDataError) as error:
        raise _damaged(path.name, error) from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise RegionFileError(f"{path} is a folder: name the image in it")
    if not path.exists():
        nearest = find_nearest_file(path)
        hint = f"; did you mean {nearest!r}?" if nearest else "; check its path"
        raise RegionFileError(f"no file {path.name!r} in {str(path.parent)!r}{hint}")


def _check_gzip(path: Path) -> None:
    """Read a compressed file to its end: nibabel stops before the checksum that stands there."""
    if path.suffix.lower() != ".gz":
        return
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    if is_gzip:
        with gzip.open(path) as unpacked:
            while unpacked.read(_CHUNK):
                pass


def _damaged(title: str, error: Exception) -> RegionFileError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return RegionFileError(f"{title} cannot be read ({reason}): the file is damaged or incomplete, fetch it again")


def _check_type(image: Any, title: str) -> Nifti1Image:
    from nibabel.nifti1 import Nifti1Image

    if isinstance(image, Nifti1Image):
        return image
    raise RegionError(
        f"{title} is a {type(image).__name__}: give a NIfTI image, as the path of a single file (.nii or .nii.gz) "
        "or as nibabel's Nifti1Image"
    )


def _read_data(image: Nifti1Image, title: str) -> npt.NDArray[Any]:
    """Read the values (i, j, k) in their own data type."""
    shape = _check_shape(image.shape, title)
    stored: np.dtype[Any] = image.dataobj.dtype  # type: ignore[attr-defined]  # of an image in memory, the header's type may be another
    if stored.kind not in "biuf":
        what = "colours" if stored.names else str(stored)
        raise RegionError(f"{title} holds values of type {what}: integers or real numbers are needed")
    try:
        data = np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise _damaged(title, error) from error
    if _is_scaled(image) and image.header["scl_slope"].dtype == np.float32:
        data = data.astype(np.float32)  # the scaling factor is no more precise than that
    return data.astype(np.uint8).reshape(shape) if data.dtype.kind == "b" else data.reshape(shape)


def _check_shape(shape: tuple[int, ...], title: str) -> tuple[int, ...]:
    """Shape without trailing axes of length 1, where three axes remain."""
    n_volumes = int(np.prod(shape[3:]))
    if len(shape) > 3 and n_volumes != 1:
        raise RegionError(f"{title} holds {n_volumes:,} volumes: one is needed, write the one you mean to its own file")
    if len(shape) < 3 or 0 in shape:
        raise RegionError(f"{title} has the shape {shape}: three dimensions are needed")
    return shape[:3]


def _is_scaled(image: Nifti1Image) -> bool:
    """Whether the header scales what the file stores: a scaled integer is a real number."""
    slope, inter = getattr(image.dataobj, "slope", 1.0), getattr(image.dataobj, "inter", 0.0)
    return bool(slope != 1.0 or inter != 0.0)


def _read_affine(image: Nifti1Image, title: str) -> npt.NDArray[np.float64]:
    """Voxel indices to mm (4, 4), where the header says what they are."""
    no_space = image.affine is None or (int(image.header["sform_code"]) == 0 and int(image.header["qform_code"]) == 0)
    if no_space:
        raise RegionError(
            f"{title} does not say in which space it is (sform_code and qform_code are both 0): "
            "resample it to MNI152 space, or set the codes where it is there already"
        )
    affine = np.array(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise RegionError(f"the affine of {title} is singular or not finite: its header is wrong, write it again")
    return affine


def _check_values(data: npt.NDArray[Any], title: str) -> None:
    if data.dtype.kind == "f":
        n_wrong = data.size - int(np.isfinite(data).sum())
        if n_wrong:
            raise RegionError(f"{title} holds {n_wrong:,} values that are NaN or infinite: set them to 0")


def _check_inside_mni_box(data: npt.NDArray[Any], affine: npt.NDArray[np.float64], title: str) -> None:
    voxels = np.nonzero(data)
    if not len(voxels[0]):
        return
    limits = [(axis.min(), axis.max()) for axis in voxels]
    corners = np.stack(np.meshgrid(*limits, indexing="ij"), axis=-1).reshape(-1, 3)
    if in_mni_box(corners @ affine[:3, :3].T + affine[:3, 3]).all():
        return
    outside = ~in_mni_box(np.stack(voxels, axis=-1) @ affine[:3, :3].T + affine[:3, 3])
    if outside.any():
        raise RegionError(
            f"{title} is not in MNI space: {int(outside.sum()):,} of its {outside.size:,} non-zero voxels lie outside "
            "x -100..100, y -140..110, z -90..120 mm; resample it to MNI152 space"
        )


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hash_array(data: npt.NDArray[Any], affine: npt.NDArray[np.float64]) -> str:
    digest = hashlib.sha256(f"{data.shape} {data.dtype.str} ".encode())
    digest.update(affine.tobytes())
    digest.update(data.tobytes())
    return digest.hexdigest()


def _read_space(path: Path | None) -> str | None:
    """Space by the BIDS entity ``space-`` or the TemplateFlow entity ``tpl-`` of the file's name."""
    if path is None:
        return None
    found = re.search(r"(?:^|_)(?:space|tpl)-([A-Za-z0-9]+)", path.name)
    return found.group(1) if found else None
