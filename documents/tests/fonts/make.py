"""Makes the fonts that the tests of this folder's crate set minutes with.

Each is a subset of a font under the SIL Open Font License 1.1, with the characters of the samples,
of the template and of the tests, and has a name of its own: the licence keeps the names of some of
the originals for the originals. The licence texts stand in OFL.txt.

Run it when a sample or a test gets a new character:

    pip install fonttools==4.60.1
    scripts/fonts.sh target/fonts
    python3 documents/tests/fonts/make.py target/fonts
"""

import pathlib
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = pathlib.Path(__file__).resolve().parent
CRATE = HERE.parent.parent

# Common in names and missing from older fonts: the test font of the body goes without them, so that
# they must come from another.
RARE = "璟堃喆祎玥䶮㛃"

# Name of the subset, file of the original, place within a collection, and whether it has RARE.
FONTS = [
    ("Minutes Test Fang", "LXGWWenKai-Light.ttf", 0, False),
    ("Minutes Test Hei", "NotoSansCJK-Regular.ttc", 2, True),
    ("Minutes Test Song", "NotoSerifCJK-Regular.ttc", 2, True),
]


def characters() -> set[str]:
    files = [*CRATE.glob("samples/*"), *CRATE.glob("src/**/*.rs"), *CRATE.glob("src/**/*.typ")]
    text = "".join(file.read_text() for file in files)
    text += "".join(map(chr, range(0x20, 0x7F))) + "零一二三四五六七八九十—“”‘’…·"
    return {c for c in text if c.isprintable()}


def make(folder: pathlib.Path, name: str, original: str, place: int, has_rare: bool) -> None:
    options = subset.Options(
        layout_features=[],
        hinting=False,
        desubroutinize=True,
        notdef_outline=True,
        name_IDs=[0],
        font_number=place,
        recalc_timestamp=False,
        drop_tables=["BASE", "DSIG", "VORG", "vhea", "vmtx"],
    )
    font = subset.load_font(str(folder / original), options)
    wanted = characters() - (set() if has_rare else set(RARE))
    chooser = subset.Subsetter(options)
    chooser.populate(unicodes=[ord(c) for c in wanted])
    chooser.subset(font)
    rename(font, name)
    end = "otf" if "CFF " in font else "ttf"
    file = HERE / f"{name.replace(' ', '')}.{end}"
    font.save(file)
    print(f"{file.name}: {len(font.getBestCmap())} characters, {file.stat().st_size} bytes")


def rename(font: TTFont, name: str) -> None:
    names = font["name"]
    copyright = names.getDebugName(0)
    names.names = []
    plain = name.replace(" ", "")
    licence = "SIL Open Font License 1.1, see OFL.txt. A subset for tests."
    texts = {0: copyright, 1: name, 2: "Regular", 3: plain, 4: name, 5: "Version 1", 6: plain, 13: licence}
    for number, text in texts.items():
        names.setName(text, number, 3, 1, 0x409)
    if "CFF " in font:
        cff = font["CFF "].cff
        cff.fontNames = [plain]
        top = cff.topDictIndex[0]
        for field in ("FullName", "FamilyName"):
            if field in top.rawDict:
                setattr(top, field, name)


if __name__ == "__main__":
    for entry in FONTS:
        make(pathlib.Path(sys.argv[1]), *entry)
