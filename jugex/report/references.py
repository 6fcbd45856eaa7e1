"""The literature that the methods of a run can cite, as text and as BibTeX."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["REFERENCES", "Reference", "to_bibtex"]

_OTHERS = "et al."


@dataclass(frozen=True)
class Reference:
    """A publication.

    Attributes
    ----------
    cited : str
        How it is cited in the text: "Bludau et al. 2018".
    authors : tuple of str
        Surname and initials ("Bludau S"); "et al." last where there are more.
    year : int
    title : str
    journal : str
        Or, of a book, its publisher and place.
    place : str
        Volume and pages ("223:2335-2342"); empty for a book.
    doi : str or None
    """

    cited: str
    authors: tuple[str, ...]
    year: int
    title: str
    journal: str
    place: str = ""
    doi: str | None = None

    @property
    def text(self) -> str:
        """The reference in full, without its DOI."""
        where = f"{self.journal} {self.place}" if self.place else self.journal
        return f"{', '.join(self.authors)} ({self.year}). {self.title}. {where}."

    @property
    def key(self) -> str:
        """Its key in BibTeX: "bludau2018"."""
        surname = unicodedata.normalize("NFKD", self.authors[0].rsplit(" ", 1)[0])
        return "".join(c for c in surname.lower() if c.isascii() and c.isalpha()) + str(self.year)


def to_bibtex(reference: Reference) -> str:
    """Write a reference as an entry of BibTeX.

    Parameters
    ----------
    reference : Reference

    Returns
    -------
    str
        Several lines, without a line feed at the end.
    """
    fields = {
        "author": " and ".join(_name_author(author) for author in reference.authors),
        "title": f"{{{reference.title}}}",
    }
    if reference.place:
        volume, _, pages = reference.place.partition(":")
        fields |= {
            "journal": reference.journal,
            "year": str(reference.year),
            "volume": volume,
            "pages": pages.replace("-", "--"),
        }
    else:
        fields |= {"publisher": reference.journal, "year": str(reference.year)}
    if reference.doi:
        fields["doi"] = reference.doi
    lines = [
        f"  {name} = {{{value if name == 'doi' else value.replace('&', chr(92) + '&')}}},"
        for name, value in fields.items()
    ]
    return "\n".join([f"@{'article' if reference.place else 'book'}{{{reference.key},", *lines, "}"])


def _name_author(author: str) -> str:
    """Surname and initials as BibTeX has them: "Bludau S" is "Bludau, S."; "et al." is "others"."""
    if author == _OTHERS:
        return "others"
    surname, initials = author.rsplit(" ", 1)
    return f"{surname}, {' '.join(f'{initial}.' for initial in re.findall('[A-Z]', initials))}"


#: Everything that the methods can cite.
REFERENCES = (
    Reference(
        "Arnatkeviciute et al. 2019",
        ("Arnatkeviciute A", "Fulcher BD", "Fornito A"),
        2019,
        "A practical guide to linking brain-wide gene expression and neuroimaging data",
        "NeuroImage",
        "189:353-367",
        "10.1016/j.neuroimage.2019.01.011",
    ),
    Reference(
        "Benjamini and Hochberg 1995",
        ("Benjamini Y", "Hochberg Y"),
        1995,
        "Controlling the false discovery rate: a practical and powerful approach to multiple testing",
        "Journal of the Royal Statistical Society B",
        "57:289-300",
        "10.1111/j.2517-6161.1995.tb02031.x",
    ),
    Reference(
        "Bludau et al. 2018",
        ("Bludau S", "Mühleisen TW", "Eickhoff SB", "Hawrylycz MJ", "Cichon S", "Amunts K"),
        2018,
        "Integration of transcriptomic and cytoarchitectonic data implicates a role for MAOA and TAC1 in the "
        "limbic-cortical network",
        "Brain Structure and Function",
        "223:2335-2342",
        "10.1007/s00429-018-1620-6",
    ),
    Reference(
        "Draper and Stoneman 1966",
        ("Draper NR", "Stoneman DM"),
        1966,
        "Testing for the inclusion of variables in linear regression by a randomisation technique",
        "Technometrics",
        "8:695-699",
        "10.1080/00401706.1966.10490407",
    ),
    Reference(
        "Freedman and Lane 1983",
        ("Freedman D", "Lane D"),
        1983,
        "A nonstochastic interpretation of reported significance levels",
        "Journal of Business & Economic Statistics",
        "1:292-298",
        "10.1080/07350015.1983.10509354",
    ),
    Reference(
        "Fulcher et al. 2013",
        ("Fulcher BD", "Little MA", "Jones NS"),
        2013,
        "Highly comparative time-series analysis: the empirical structure of time series and their methods",
        "Journal of the Royal Society Interface",
        "10:20130048",
        "10.1098/rsif.2013.0048",
    ),
    Reference(
        "Goeman and Bühlmann 2007",
        ("Goeman JJ", "Bühlmann P"),
        2007,
        "Analyzing gene expression data in terms of gene sets: methodological issues",
        "Bioinformatics",
        "23:980-987",
        "10.1093/bioinformatics/btm051",
    ),
    Reference(
        "Hawrylycz et al. 2012",
        ("Hawrylycz MJ", "Lein ES", "Guillozet-Bongaarts AL", _OTHERS),
        2012,
        "An anatomically comprehensive atlas of the adult human brain transcriptome",
        "Nature",
        "489:391-399",
        "10.1038/nature11405",
    ),
    Reference(
        "Hawrylycz et al. 2015",
        ("Hawrylycz M", "Miller JA", "Menon V", _OTHERS),
        2015,
        "Canonical genetic signatures of the adult human brain",
        "Nature Neuroscience",
        "18:1832-1844",
        "10.1038/nn.4171",
    ),
    Reference(
        "Hedges 1981",
        ("Hedges LV",),
        1981,
        "Distribution theory for Glass's estimator of effect size and related estimators",
        "Journal of Educational Statistics",
        "6:107-128",
        "10.3102/10769986006002107",
    ),
    Reference(
        "Holm 1979",
        ("Holm S",),
        1979,
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics",
        "6:65-70",
    ),
    Reference(
        "Matheron 1963",
        ("Matheron G",),
        1963,
        "Principles of geostatistics",
        "Economic Geology",
        "58:1246-1266",
        "10.2113/gsecongeo.58.8.1246",
    ),
    Reference(
        "Miller et al. 2011",
        ("Miller JA", "Cai C", "Langfelder P", "Geschwind DH", "Kurian SM", "Salomon DR", "Horvath S"),
        2011,
        "Strategies for aggregating gene expression data: the collapseRows R function",
        "BMC Bioinformatics",
        "12:322",
        "10.1186/1471-2105-12-322",
    ),
    Reference(
        "Negi and Guda 2017",
        ("Negi SK", "Guda C"),
        2017,
        "Global gene expression profiling of healthy human brain and its application in studying neurological "
        "disorders",
        "Scientific Reports",
        "7:897",
        "10.1038/s41598-017-00952-9",
    ),
    Reference(
        "Phipson and Smyth 2010",
        ("Phipson B", "Smyth GK"),
        2010,
        "Permutation p-values should never be zero: calculating exact p-values when permutations are randomly drawn",
        "Statistical Applications in Genetics and Molecular Biology",
        "9:39",
        "10.2202/1544-6115.1585",
    ),
    Reference(
        "Satterthwaite 1946",
        ("Satterthwaite FE",),
        1946,
        "An approximate distribution of estimates of variance components",
        "Biometrics Bulletin",
        "2:110-114",
        "10.2307/3002019",
    ),
    Reference(
        "Smyth 2004",
        ("Smyth GK",),
        2004,
        "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
        "Statistical Applications in Genetics and Molecular Biology",
        "3:3",
        "10.2202/1544-6115.1027",
    ),
    Reference(
        "Westfall and Young 1993",
        ("Westfall PH", "Young SS"),
        1993,
        "Resampling-based multiple testing: examples and methods for p-value adjustment",
        "Wiley, New York",
    ),
    Reference(
        "Wu and Smyth 2012",
        ("Wu D", "Smyth GK"),
        2012,
        "Camera: a competitive gene set test accounting for inter-gene correlation",
        "Nucleic Acids Research",
        "40:e133",
        "10.1093/nar/gks461",
    ),
)
