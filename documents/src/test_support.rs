//! What the tests share: the samples, and fonts that are part of the project.

use crate::Minutes;

const MINUTES: &str = include_str!("../samples/minutes.json");
const JOINT_MEETING: &str = include_str!("../samples/joint_meeting.json");

/// Text that would be markup somewhere: XML, Markdown, the typesetter's language.
pub(crate) const MARKUP: &str =
    "#panic(\"x\") *甲* _乙_ $x$ @丙 <丁> [戊] `己` \\ &amp; </w:t> {庚} ~ // /* #{1+1} ]]> 1";

/// Minutes of two pages.
pub(crate) fn sample() -> Minutes {
    serde_json::from_str(MINUTES).unwrap()
}

/// Minutes of four pages, with fifteen units, rare characters, attachments and a correction.
pub(crate) fn long_sample() -> Minutes {
    serde_json::from_str(JOINT_MEETING).unwrap()
}
