"""Label tables in the forms that programs write, and where they are looked for."""

from __future__ import annotations

import pytest

from jugex.errors import RegionError
from jugex.regions import region_from_image
from jugex.regions.label_tables import find_label_table, read_labels
from tests.regions.helpers import labels, save_image

NAMES = {1: "One", 2: "Two"}

#: Forms of label tables: ending, content, and names where they are not `NAMES`.
FORMS = {
    "TSV": (".tsv", "index\tname\tcolor\n1\tOne\t#ff0000\n2\tTwo\t#00ff00\n", None),
    "BOM, line ends of Windows, real numbers": (".tsv", "\ufeffName\tIndex\r\nOne\t1.0\r\nTwo\t2.0\r\n", None),
    "CSV with quotes": (".csv", 'index,name\n1,One\n2,"Two, left"\n', {1: "One", 2: "Two, left"}),
    "xcp_d": (".tsv", "index\tlabel\n1\tOne\n2\tTwo\n", None),
    "numbers as label": (".csv", "label,region\n1,One\n2,Two\n", None),
    "roi_num": (".csv", "roi_num,structure\n1,One\n2,Two\n", None),
    "semicolons": (".csv", "ROIid;ROIabbr;ROIname\n1;o;One\n2;t;Two\n", None),
    "abagen": (".csv", "id,label,hemisphere,structure\n1,One,L,cortex\n2,Two,R,cortex\n", None),
    "abagen, names on both sides": (
        ".csv", "id,label,hemisphere,structure\n1,One,L,cortex\n2,One,R,cortex\n", {1: "One L", 2: "One R"},
    ),
    "names in parts": (
        ".csv", '"roi_num","hemi","network","subregion"\n1,"L","Vis","1"\n2,"R","Vis","1"\n',
        {1: "L_Vis_1", 2: "R_Vis_1"},
    ),
    "no header": (".tsv", "1\tOne\n2\tTwo\n", None),
    "no header, names first": (".csv", "One,1\nTwo,2\n", None),
    "untidy": (".tsv", "index\tname\n1\tOne\n\n\t\n2\tTwo\n1\tOne\nn/a\tThree\n", None),
    "UTF-16": (".tsv", "index\tname\n1\tOne\n2\tTwo\n".encode("utf-16"), None),
    "Latin 1": (".tsv", "index\tname\n1\tJülich\n".encode("latin-1"), {1: "Jülich"}),
    "FreeSurfer": (
        ".txt", "#No. Label Name:   R   G   B   A\n\n  0  Unknown  0 0 0 0\n1  One 20 30 40 0\n 2 Left Two 1 2 3\n",
        {0: "Unknown", 1: "One", 2: "Left Two"},
    ),
    "FreeSurfer, a digit first": (".ctab", "1 3rd-Ventricle 1 2 3 0\n2 V1 1 2 3 0\n", {1: "3rd-Ventricle", 2: "V1"}),
    "ITK-SNAP": (
        ".txt", '# IDX -R- -G- -B- -A-- VIS MSH LABEL\n    0  0 0 0  0 0 0 "Clear Label"\n'
        '    1 255 0 0  1 1 1 "One"\n    2 0 255 0  0.5 1 1 "Two"\n', {0: "Clear Label", **NAMES},
    ),
    "FSLeyes": (".lut", "1 0.5 0.1 0.1 One\n2 0.10000 1 0.9 Two\n", None),
    "MRIcron": (".nii.txt", "1 One 2001\n2 Two 2002\n", None),
    "AAL": (".txt", "FAG\tOne\t1\nFAD\tTwo\t2\n", None),
    "MRtrix": (".txt", "# lookup\n1 One\n2 Two\n", None),
    "Connectome Workbench": (".txt", "One\n1 255 0 0 255\nTwo\n2 0 255 0 255\n", None),
    "FSL": (
        ".xml", '<?xml version="1.0" encoding="ISO-8859-1"?><atlas><header><type>Label</type></header><data>'
        '<label index="1" x="1" y="2" z="3">One</label><label index="2"> Two </label></data></atlas>', None,
    ),
    "SPM": (
        ".xml", "<atlas><header><type>Label</type></header><data><label><index>1</index><short_name>o</short_name>"
        "<name>One</name></label><label><index>2</index><name>Two</name></label></data></atlas>", None,
    ),
    "GIFTI": (".xml", '<LabelTable><Label Key="1" Red="1">One</Label><Label Key="2">Two</Label></LabelTable>', None),
    "JSON": (".json", '{"1": "One", "2": "Two"}', None),
    "JSON, names first": (".json", '{"One": 1, "Two": 2}', None),
    "JSON, names within": (".json", '{"title": "Toy", "labels": {"1": "One", "2": "Two"}}', None),
    "JSON of rows": (".json", '[{"index": 1, "name": "One"}, {"index": 2, "name": "Two"}]', None),
}  # fmt: skip


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_tables(tmp_path, form):
    ending, content, names = FORMS[form]
    path = write(tmp_path / f"x_dseg{ending}", content)
    for image in ("x_dseg.nii.gz", "x_dseg.nii"):
        table = find_label_table(tmp_path / image, is_asked=False)
        assert (table.names, table.source) == (names or NAMES, path.name)
    assert read_labels(path).names == (names or NAMES)
    assert not find_label_table(tmp_path / "y_dseg.nii.gz", is_asked=True)


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("x.txt", "One\nTwo\n", "Three\n"),
        ("x.txt", "name\tcolor\nOne\tred\nTwo\tblue\n", "Three\n"),
        ("x.json", '["One", "Two"]', ""),
    ],
)
def test_one_name_a_line(tmp_path, name, content, more):
    image = save_image(tmp_path / "x.nii.gz", (labels() > 0).astype("uint8") + (labels() == 2))
    write(tmp_path / name, content)
    assert region_from_image(image, label="Two").identity().label == 2
    write(tmp_path / name, content + more if more else '["One", "Two", "Three"]')
    with pytest.raises(RegionError, match=rf"{name} lists 3 names, but the largest label is 2; give the number"):
        region_from_image(image, label="Two")


def test_names_are_given_by_whole_numbers():
    assert read_labels({1: "One", "2": "Two"}).names == NAMES
    with pytest.raises(RegionError, match=r"the label 1\.5 is not a whole number"):
        read_labels({1.5: "One"})


FSL = """<?xml version="1.0" encoding="ISO-8859-1"?>
<atlas version="1.0">
  <header><name>Toy</name><type>{kind}</type>
    <images><imagefile>/Toy/toy-prob-1mm</imagefile><summaryimagefile>/Toy/toy-max-1mm</summaryimagefile></images>
  </header>
  <data><label index="0" x="1">Frontal Pole</label><label index="1" x="1"> Broca's area </label></data>
</atlas>
"""


@pytest.mark.parametrize(
    ("kind", "volumes", "first"),
    [("Probabilistic", True, 0), ("Probabilistic", False, 1), ("Label", False, 0), ("Label", True, 0)],
)
def test_fsl_tables(tmp_path, kind, volumes, first):
    # FSL: the index is the volume of the 4-D image, and the value of the summary image is one more
    (tmp_path / "x.xml").write_text(FSL.format(kind=kind))
    names = {first: "Frontal Pole", first + 1: "Broca's area"}
    assert find_label_table(tmp_path / "x.nii.gz", is_asked=True, volumes=volumes).names == names


def test_fsl_tables_of_a_folder(tmp_path):
    (tmp_path / "Toy").mkdir()
    (tmp_path / "Toy.xml").write_text(FSL.format(kind="Probabilistic"))
    (tmp_path / "broken.xml").write_text("<atlas>")
    maximum = save_image(tmp_path / "Toy" / "toy-max-1mm.nii.gz", labels())
    other = save_image(tmp_path / "Toy" / "other.nii.gz", labels())
    assert region_from_image(maximum, label="broca").n_voxels == 6  # label 2
    assert region_from_image(maximum, label=1).name == "Frontal Pole"
    with pytest.raises(RegionError, match=r"other\.nii\.gz has no label table"):
        region_from_image(other, label="broca")


def test_a_table_of_all_that_freesurfer_names(tmp_path):
    path = save_image(tmp_path / "aparc.nii.gz", labels())
    (tmp_path / "FreeSurferColorLUT.txt").write_text(
        "0 Unknown 0 0 0 0\n1 ctx-V1 2 3 4 0\n17 V2 1 2 3 0\n40 V2 1 2 3 0\n"
    )
    assert region_from_image(path, label="V2").identity().label == 17  # the image has no label 40
    assert region_from_image(path, label=1).name == "ctx-V1"
    mask = save_image(tmp_path / "mask.nii.gz", (labels() > 0).astype("uint8"))
    assert region_from_image(mask).kind == "binary mask"  # the table is not of this image alone


@pytest.mark.parametrize(
    ("image", "table"),
    [
        ("tpl-X_res-01_atlas-Y_dseg.nii.gz", "tpl-X_atlas-Y_dseg.tsv"),
        ("atl-Z_space-MNI152_dseg.nii.gz", "atl-Z.tsv"),
        ("7_dseg.nii.gz", "dseg.tsv"),
        ("sub-1_space-MNI152_dseg.nii.gz", "../dseg.tsv"),
        ("sub-1_space-MNI152_dseg.nii.gz", "../../dseg.tsv"),
        ("S2018_400Parcels_order_FSLMNI152_1mm.nii.gz", "S2018_400Parcels_order.tsv"),
        ("S2018_400Parcels_1mm.nii.gz", "S2018_400Parcels_1mm.Centroid_RAS.tsv"),
    ],
)
def test_tables_that_serve_several_images(tmp_path, image, table):
    folder = tmp_path / "data" / "sub-1" / "anat"
    folder.mkdir(parents=True)
    path = folder / image
    write(folder / table, "ROI Label\tROI Name\n1\tOne\n2\tTwo\n")
    assert find_label_table(path, is_asked=True).names == NAMES
    assert not find_label_table(path, is_asked=False)


@pytest.mark.parametrize("image", ["Sub_S1_3T.nii", "Sub_S1_3T_1mm.nii.gz", "Sub_S1_3T_2009cAsym.nii.gz"])
def test_what_says_that_a_table_is_one_is_no_part_of_its_name(tmp_path, image):
    write(tmp_path / "Sub_S1_3T_label.txt", "One\nTwo\n")
    write(tmp_path / "Sub_S2_3T_label.txt", "Uno\nDue\n")
    write(tmp_path / "Sub_S1_3T_COG.txt", "1.0 2.0 3.0\n")
    assert find_label_table(tmp_path / image, is_asked=True).names == NAMES
    assert not find_label_table(tmp_path / "Sub_S1.nii.gz", is_asked=True)


@pytest.mark.parametrize("table", ["tpl-X_atlas-Q_dseg.tsv", "probseg.tsv", "tpl-X_atlas-Y_hemi-L_dseg.tsv"])
def test_tables_of_other_images_are_not_inherited(tmp_path, table):
    write(tmp_path / table, "index\tname\n1\tOne\n")
    assert not find_label_table(tmp_path / "tpl-X_res-01_atlas-Y_dseg.nii.gz", is_asked=True)


def test_the_most_specific_table_is_inherited(tmp_path):
    write(tmp_path / "dseg.tsv", "index\tname\n1\tother\n")
    write(tmp_path / "atlas-Y_dseg.tsv", "index\tname\n1\tOne\n2\tTwo\n")
    assert find_label_table(tmp_path / "atlas-Y_res-1_dseg.nii.gz", is_asked=True).names == NAMES


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("labels.tsv", "gene\tp\nMAOA\t0.1\n", r"labels\.tsv has the columns gene, p"),
        ("labels.tsv", "index\tname\nfirst\tOne\n", r"labels\.tsv lists 1 names|labels\.tsv numbers no label"),
        ("labels.tsv", "", r"labels\.tsv is empty"),
        ("labels.xml", "<atlas>", r"labels\.xml is not valid XML"),
        ("labels.json", "{", r"labels\.json is not valid JSON"),
        ("labels.json", '{"Resolution": "1 mm"}', r"labels\.json numbers no label"),
        ("labels.txt", "a few words about the image,\nand more of them\n", r"labels\.txt"),
        ("labels.txt", b"\x00\x01\x02", r"labels\.txt is not a text file"),
    ],
)
def test_a_table_that_cannot_be_read_is_named_and_blocks_no_number(tmp_path, name, content, why):
    image = save_image(tmp_path / "labels.nii.gz", labels())
    write(tmp_path / name, content)
    with pytest.raises(RegionError, match=f"{why}.*give the number"):
        region_from_image(image, label="V1")
    assert region_from_image(image, label=2).n_voxels == 6


def test_a_number_with_two_names_has_none(tmp_path):
    image = save_image(tmp_path / "labels.nii.gz", labels())
    write(tmp_path / "labels.tsv", "index\tname\n1\tOne\n1\tUno\n2\tTwo\n")
    assert region_from_image(image, label="Two").n_voxels == 6
    assert region_from_image(image, label=1).name == "labels 1"
    with pytest.raises(RegionError, match="no label of labels"):
        region_from_image(image, label="Uno")


def test_a_second_table_is_read_where_the_first_is_none(tmp_path):
    write(tmp_path / "x.tsv", "gene\tp\nMAOA\t0.1\n")
    write(tmp_path / "x.csv", "index,name\n1,One\n2,Two\n")
    assert find_label_table(tmp_path / "x.nii.gz", is_asked=False).names == NAMES
