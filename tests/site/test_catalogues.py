import polib
import pytest

from crm import catalogues

pytestmark = pytest.mark.once


@pytest.fixture
def german(tmp_path, monkeypatch):
    """Writes a German catalogue of these entries, and says what is wrong with it."""
    path = tmp_path / "django.po"
    monkeypatch.setattr(catalogues, "catalogue", lambda language, root=None: path)

    def inspect(**entry):
        file = polib.POFile()
        file.metadata = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Plural-Forms": catalogues.PLURALS["de"],
        }
        file.append(polib.POEntry(**entry))
        file.save(str(path))
        return {kind for kind, messages in vars(catalogues.inspect("de")).items() if messages}

    return inspect


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ({"msgid": "Deal", "msgstr": "Geschäft"}, set()),
        ({"msgid": "Deal", "msgstr": ""}, {"untranslated"}),
        ({"msgid": "Deal", "msgstr": "Geschäft", "flags": ["fuzzy"]}, {"fuzzy"}),
        (
            {"msgid": "%(n)s of %(m)s", "msgstr": "%(n)s von %(m)s", "flags": ["python-format"]},
            set(),
        ),
        (
            {"msgid": "%(n)s of %(m)s", "msgstr": "%(n)s von %(x)s", "flags": ["python-format"]},
            {"placeholders"},
        ),
        (
            {"msgid": "%(n)s of %(m)s", "msgstr": "%(n)s", "flags": ["python-format"]},
            {"placeholders"},
        ),
        (
            {
                "msgid": "%(n)s deal",
                "msgid_plural": "%(n)s deals",
                "msgstr_plural": {0: "ein Geschäft", 1: "%(n)s Geschäfte"},
                "flags": ["python-format"],
            },
            set(),
        ),
        (
            {"msgid": "deal", "msgid_plural": "deals", "msgstr_plural": {0: "Geschäft", 1: ""}},
            {"untranslated"},
        ),
        (
            {"msgid": "deal", "msgid_plural": "deals", "msgstr_plural": {0: "Geschäft"}},
            {"untranslated"},
        ),
    ],
)
def test_what_is_wrong_with_a_catalogue_is_found(german, entry, wrong):
    assert german(**entry) == wrong


def test_a_catalogue_is_compiled_when_it_changed_and_not_again(tmp_path, monkeypatch):
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    monkeypatch.setattr(catalogues, "LANGUAGES", ("de",))
    monkeypatch.setattr(catalogues, "catalogue", lambda language, root=None: folder / "django.po")
    catalogues.write_header("de", tmp_path)
    assert catalogues.compile_all() == ["de"]
    assert (folder / "django.mo").exists()
    assert catalogues.compile_all() == []
    assert catalogues.compile_all(force=True) == ["de"]


def test_every_language_has_a_catalogue():
    assert all(catalogues.catalogue(language).exists() for language in catalogues.LANGUAGES)
