"""What keeps an input from being misread without a word: each guard, and the test that fails without it.

``tests/slow/test_guards.py`` takes out one guard after the other, in a copy of the project, and expects the failure.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GUARDS", "Guard"]


@dataclass(frozen=True)
class Guard:
    """A line of the program that keeps a kind of input from being misread.

    Attributes
    ----------
    kind : str
        What would be misread.
    file : str
        Source file.
    line : str
        The guard, as it stands there once.
    without : str
        What stands in its place when it is taken out.
    test : str
        The test that fails then.
    """

    kind: str
    file: str
    line: str
    without: str
    test: str


_IMAGES, _TABLES, _LISTS = "jugex/regions/images.py", "jugex/regions/label_tables.py", "jugex/genes/lists.py"

GUARDS = (
    Guard(
        "label images stored as floats, as a probability map",
        _IMAGES,
        "    if values.deviation <= (_ROUNDING if is_small else _LABEL_ROUNDING):\n",
        "    if False:\n",
        "tests/regions/test_images.py::test_labels_are_no_map_in_any_data_type",
    ),
    Guard(
        "scaled labels that lost their numbers, as labels",
        _IMAGES,
        '    if kind_of(volume.values) not in ("empty", "mask", "labels"):\n',
        "    if False:\n",
        "tests/regions/test_images.py::test_scaled_labels_that_lost_their_numbers",
    ),
    Guard(
        "maps of z-values, as percent",
        _IMAGES,
        '    elif percent or kind == "probabilities":\n        selection = _select_probable(contents, threshold, '
        "percent=percent)\n",
        '    elif percent or kind in ("probabilities", "real numbers up to 100"):\n        selection = '
        '_select_probable(contents, threshold, percent=percent or kind != "probabilities")\n',
        "tests/regions/test_images.py::test_values_that_are_no_probabilities",
    ),
    Guard(
        "masks stored as floats, as probability 1",
        _IMAGES,
        '        return ("empty", "mask", "labels")[len(values.others)]\n',
        '        return ("empty", "probabilities", "labels")[len(values.others)]\n',
        "tests/regions/test_images.py::test_two_whole_values_are_a_binary_mask_in_any_data_type",
    ),
    Guard(
        "another space in the file's name, as MNI152",
        "jugex/regions/nifti.py",
        "    if space is None and not in_mni:\n",
        "    if False:\n",
        "tests/regions/test_images.py::test_another_space_in_the_name_is_refused",
    ),
    Guard(
        "Talairach space in the header, as MNI152",
        "jugex/regions/nifti.py",
        '        stated = "Talairach" if (sform or qform) == _TALAIRACH else None\n',
        "        stated = None\n",
        "tests/regions/test_images.py::test_talairach_in_the_header_is_refused",
    ),
    Guard(
        "a label table that counts from 0, shifted by one",
        _TABLES,
        "        if max(held, default=0) == max(self.names) + 1:\n",
        "        if False:\n",
        "tests/regions/test_labels.py::test_a_table_that_counts_from_0_beside_an_image_that_counts_from_1",
    ),
    Guard(
        "a label table that may count from 0, as if it did not",
        _TABLES,
        '        return self._unused(f"names label 0 {first!r}, which is the background of an image: does it count '
        'from 0?")\n',
        "        return self\n",
        "tests/regions/test_labels.py::test_a_table_that_may_count_from_0_names_nothing",
    ),
    Guard(
        "volumes that a table counts from 1, counted from 0",
        _TABLES,
        "            return self, 1\n",
        "            return self, 0\n",
        "tests/regions/test_stacks.py::test_a_table_that_counts_from_1",
    ),
    Guard(
        "volumes without a table, counted without a word",
        _IMAGES,
        '        warn_user(f"{stack.title}: {counted}, as without a table they count from 0", JugexWarning)\n',
        "        _ = counted\n",
        "tests/regions/test_stacks.py::test_without_a_table_volumes_count_from_0",
    ),
    Guard(
        "R's write.table, its columns shifted",
        _LISTS,
        '        header = ["", *header]\n',
        "        pass\n",
        "tests/test_genes_lists.py::test_forms_of_lists",
    ),
    Guard(
        "a quoted cell with a line break, as two rows",
        _LISTS,
        '    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True))\n',
        "    return list(csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE))\n",
        "tests/test_genes_lists.py::test_forms_of_lists",
    ),
    Guard(
        "a gene set named twice, its first half lost",
        _LISTS,
        "        sets.setdefault(name, []).extend(",
        "        sets[name] = list(",
        "tests/test_genes_lists.py::TestGeneSets::test_a_set_that_stands_twice_is_taken_whole",
    ),
    Guard(
        "the Allen Institute's gene ids, as Entrez ids",
        _LISTS,
        "    if symbols is None and entrez_ids is None:\n        entrez_ids = ",
        "    if entrez_ids is None:\n        entrez_ids = ",
        "tests/test_genes_lists.py::test_the_allen_institute_s_gene_ids_are_no_entrez_ids",
    ),
    Guard(
        "a column named twice, one of them taken",
        _LISTS,
        "        if column is not None and header.count(header[column]) > 1:\n",
        "        if False:\n",
        "tests/test_genes_lists.py::test_a_column_of_genes_that_stands_twice_with_other_genes_is_refused",
    ),
    Guard(
        "a symbol that is another gene's today, replaced",
        "jugex/genes/catalogue.py",
        "        return others[0] if entrez_id is not None and rows and len(others) == len(rows) else None\n",
        "        return None\n",
        "tests/test_genes_aliases.py::test_a_symbol_that_is_another_gene_s_today_is_used_with_a_warning",
    ),
    Guard(
        "raw counts, as log2 levels",
        "jugex/atlas/tables.py",
        "    can_be_log2 = abs(largest) <= _LARGEST_LOG2\n",
        "    can_be_log2 = True\n",
        "tests/atlas/test_user_tables.py::TestValues::test_levels_that_cannot_be_log2_are_said_to_be",
    ),
    Guard(
        "a probe of several genes, as a gene of that name",
        "jugex/atlas/input_tables.py",
        "        cells = [dict.fromkeys(_split_genes(text)) for text in self.texts(column)]\n",
        "        cells = [dict.fromkeys([text]) for text in self.texts(column)]\n",
        "tests/atlas/test_user_tables.py::TestProbes::test_a_probe_of_several_genes_is_left_out_and_counted",
    ),
    Guard(
        "Ensembl ids of AnnData, as symbols",
        "jugex/atlas/formats.py",
        "    if called is None and sum(map(_is_ensembl_id, names)) > len(names) / 2:\n",
        "    if False:\n",
        "tests/atlas/test_anndata.py::TestIn::test_symbols_beside_ensembl_ids_are_the_genes",
    ),
    Guard(
        "z-scores of a download, as levels",
        "jugex/atlas/allen_download.py",
        "    atlas.has_levels = is_log2\n",
        "",
        "tests/atlas/test_allen_download.py::test_z_scores_are_no_levels",
    ),
)
