//! Fonts of the form. None is part of this crate: they are found in folders by family name.
//!
//! Each role of the form, such as FangSong for the body, has families in order of preference. A
//! role is filled by all of its families that were found, so that a character which the first lacks
//! is taken from the next; last come the families for rare characters, which every role shares.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use typst::{
    foundations::Bytes,
    text::{Font, FontBook, FontInfo},
    utils::LazyHash,
};

/// Deepest folder below a font folder that is looked into.
pub const FONT_FOLDER_DEPTH_MAX: usize = 12;

/// Most files and folders that are looked at below all font folders together.
pub const FONT_FILES_MAX: usize = 50_000;

/// Largest font file that is read, in bytes: 256 MiB.
pub const FONT_FILE_BYTES_MAX: u64 = 256 << 20;

/// Where systems keep their fonts. The third is where Debian puts FandolFang.
const SYSTEM_FOLDERS: [&str; 6] = [
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/texlive/texmf-dist/fonts/opentype/public/fandol",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:\\Windows\\Fonts",
];

/// Folders of fonts below the one of a user.
const USER_FOLDERS: [&str; 3] = [".local/share/fonts", ".fonts", "Library/Fonts"];

/// The folders to look for fonts in: the one that was set, if any, then the system's. `home` is the
/// user's folder.
#[must_use]
pub fn font_folders(set: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    let set = set.into_iter().map(Path::to_owned);
    let own = home
        .into_iter()
        .flat_map(|home| USER_FOLDERS.map(|folder| home.join(folder)));
    set.chain(own)
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .collect()
}

/// A face of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FontRole {
    /// 小标宋, of mark and title, in bold.
    XiaoBiaoSong,
    /// 仿宋, of the body.
    FangSong,
    /// 楷体, of headings of the second level.
    KaiTi,
    /// 黑体, of headings of the first level and of 出席.
    HeiTi,
    /// 宋体, of page numbers.
    SongTi,
}

impl FontRole {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::XiaoBiaoSong,
        Self::FangSong,
        Self::KaiTi,
        Self::HeiTi,
        Self::SongTi,
    ];

    /// The name that the template knows it by.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::XiaoBiaoSong => "xiao-biao-song",
            Self::FangSong => "fang-song",
            Self::KaiTi => "kai-ti",
            Self::HeiTi => "hei-ti",
            Self::SongTi => "song-ti",
        }
    }

    /// A free font for it, and the Debian package that has it.
    fn advice(self) -> &'static str {
        match self {
            Self::XiaoBiaoSong => "小标宋: Noto Serif CJK SC, package fonts-noto-cjk",
            Self::FangSong => "仿宋: FandolFang, package texlive-lang-chinese",
            Self::KaiTi => "楷体: LXGW WenKai, package fonts-lxgw-wenkai",
            Self::HeiTi => "黑体: Noto Sans CJK SC, package fonts-noto-cjk",
            Self::SongTi => "宋体: Noto Serif CJK SC, package fonts-noto-cjk",
        }
    }
}

/// Families of each role, in order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FontFamilies {
    /// Families by role.
    pub roles: BTreeMap<FontRole, Vec<String>>,
    /// Families that every role falls back to.
    pub rare: Vec<String>,
}

impl Default for FontFamilies {
    /// The faces of the standard where an office has them, then the free ones.
    fn default() -> Self {
        let families = |role| -> &'static [&'static str] {
            match role {
                FontRole::XiaoBiaoSong => &[
                    "方正小标宋简体",
                    "FZXiaoBiaoSong-B05S",
                    "Noto Serif CJK SC",
                    "Source Han Serif SC",
                    "FandolSong",
                ],
                FontRole::FangSong => &[
                    "仿宋_GB2312",
                    "FangSong_GB2312",
                    "仿宋",
                    "FangSong",
                    "Zhuque Fangsong",
                    "Zhuque Fangsong (technical preview)",
                    "FandolFang R",
                    "FandolFang",
                ],
                FontRole::KaiTi => &[
                    "楷体_GB2312",
                    "KaiTi_GB2312",
                    "楷体",
                    "KaiTi",
                    "LXGW WenKai",
                    "FandolKai",
                ],
                FontRole::HeiTi => &[
                    "黑体",
                    "SimHei",
                    "Noto Sans CJK SC",
                    "Source Han Sans SC",
                    "FandolHei",
                ],
                FontRole::SongTi => &[
                    "宋体",
                    "SimSun",
                    "Noto Serif CJK SC",
                    "Source Han Serif SC",
                    "FandolSong",
                ],
            }
        };
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            roles: FontRole::ALL
                .into_iter()
                .map(|role| (role, owned(families(role))))
                .collect(),
            rare: owned(&[
                "LXGW WenKai",
                "Noto Serif CJK SC",
                "Noto Sans CJK SC",
                "HanaMinA",
                "HanaMinB",
            ]),
        }
    }
}

/// Why there are no fonts to set the form with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FontError {
    /// The roles that no font was found for.
    pub missing: Vec<FontRole>,
    /// Where was looked.
    pub folders: Vec<PathBuf>,
}

impl fmt::Display for FontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice: Vec<&str> = self.missing.iter().map(|role| role.advice()).collect();
        let folders: Vec<String> = self
            .folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        write!(
            f,
            "no fonts for these faces (with a free font that serves): {}; looked in {}",
            advice.join("; "),
            folders.join(", ")
        )
    }
}

impl std::error::Error for FontError {}

/// A face in a file. The file is read again when the face is needed, because a folder of fonts is
/// many times larger than what one document uses.
struct Slot {
    path: PathBuf,
    index: u32,
    font: OnceLock<Option<Font>>,
}

/// Fonts for every role.
pub struct Fonts {
    book: LazyHash<FontBook>,
    slots: Vec<Slot>,
    /// Families of each role that are there, in order, with those for rare characters.
    stacks: BTreeMap<FontRole, Vec<String>>,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fonts")
            .field("stacks", &self.stacks)
            .finish_non_exhaustive()
    }
}

impl Fonts {
    /// Looks for the families in the folders and below them. Folders that do not exist and files
    /// that are no fonts are passed over.
    ///
    /// # Errors
    ///
    /// When a role has no font, with all such roles.
    pub fn find(folders: &[PathBuf], families: &FontFamilies) -> Result<Self, FontError> {
        let wanted: BTreeSet<String> = families
            .roles
            .values()
            .flatten()
            .chain(&families.rare)
            .map(|name| name.to_lowercase())
            .collect();
        let mut book = FontBook::new();
        let mut slots = vec![];
        for path in files(folders) {
            let Ok(data) = fs::read(&path) else { continue };
            for (index, info) in (0..).zip(FontInfo::iter(&data)) {
                if wanted.contains(&info.family.to_lowercase()) {
                    book.push(info);
                    slots.push(Slot {
                        path: path.clone(),
                        index,
                        font: OnceLock::new(),
                    });
                }
            }
        }
        let present = |name: &&String| book.contains_family(&name.to_lowercase());
        let mut stacks = BTreeMap::new();
        let mut missing = vec![];
        for role in FontRole::ALL {
            let names = families.roles.get(&role).into_iter().flatten();
            let mut stack: Vec<String> = names.filter(present).cloned().collect();
            if stack.is_empty() {
                missing.push(role);
            }
            stack.extend(families.rare.iter().filter(present).cloned());
            stacks.insert(role, stack);
        }
        if missing.is_empty() {
            Ok(Self {
                book: LazyHash::new(book),
                slots,
                stacks,
            })
        } else {
            Err(FontError {
                missing,
                folders: folders.to_vec(),
            })
        }
    }

    pub(super) fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    pub(super) fn font(&self, place: usize) -> Option<Font> {
        let slot = self.slots.get(place)?;
        let load = || Font::new(Bytes::new(fs::read(&slot.path).ok()?), slot.index);
        slot.font.get_or_init(load).clone()
    }

    /// Families by the template's name of their role.
    pub(super) fn stacks(&self) -> BTreeMap<&'static str, &[String]> {
        let stacks = self.stacks.iter();
        stacks
            .map(|(role, names)| (role.key(), names.as_slice()))
            .collect()
    }
}

/// Font files below the folders, each folder's in the order of their names: the same folders give
/// the same fonts.
fn files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut seen = 0;
    for folder in folders {
        let mut open = vec![(folder.clone(), 0)];
        while let Some((path, depth)) = open.pop() {
            seen += 1;
            if seen > FONT_FILES_MAX {
                return found;
            }
            // Follows links; the depth ends a circle.
            let Ok(meta) = fs::metadata(&path) else {
                continue;
            };
            if meta.is_file() && is_font(&path) && meta.len() <= FONT_FILE_BYTES_MAX {
                found.push(path);
            } else if meta.is_dir() && depth <= FONT_FOLDER_DEPTH_MAX {
                let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
                paths.sort_unstable_by(|a, b| b.cmp(a));
                open.extend(paths.into_iter().map(|path| (path, depth + 1)));
            }
        }
    }
    found
}

fn is_font(path: &Path) -> bool {
    let end = path
        .extension()
        .and_then(|end| end.to_str())
        .unwrap_or_default();
    ["ttf", "otf", "ttc", "otc"]
        .iter()
        .any(|known| end.eq_ignore_ascii_case(known))
}
