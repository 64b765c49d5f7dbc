//! The help on the columns of a file of alerts.

use agency_client::{Lang, funds::file::COLUMNS};

/// `agency help alert-file`.
pub(crate) fn help(lang: Lang) -> String {
    let mut text = lang.pick(INTRODUCTION_EN, INTRODUCTION_ZH).to_owned();
    for column in COLUMNS {
        let optional = if column.is_required {
            ""
        } else {
            lang.pick(" (may be left out)", "（可省略）")
        };
        let help = lang.pick(column.help_en, column.help_zh);
        text.push_str(&format!(
            "  {} {}{optional}\n      {help}\n",
            column.name, column.zh
        ));
        let values: Vec<String> = column
            .values
            .iter()
            .map(|(value, zh)| format!("{value} {zh}"))
            .collect();
        if !values.is_empty() {
            let label = lang.pick("one of", "取值");
            text.push_str(&format!("      {label}: {}\n", values.join(", ")));
        }
    }
    text.push_str(lang.pick(END_EN, END_ZH));
    text
}

const INTRODUCTION_EN: &str = "\
A file of alerts for `agency alert load`, in UTF-8, with or without a byte order mark, lines ended by LF
or CRLF, at most 64 MiB, 100,000 rows and 128 KiB a row.

CSV (RFC 4180): commas, a heading with the names below, English or Chinese, in any order. A cell with a
comma, a quotation mark or a line break is put into quotation marks, and a mark within it is written
twice. JSON lines: an object a line with the same names; values are texts.

Columns:
";
const INTRODUCTION_ZH: &str = "\
agency alert load 的预警文件：UTF-8 编码（可带字节顺序标记），LF 或 CRLF 换行，至多 64 MiB、10 万行、每行
128 KiB。

CSV（RFC 4180）：英文逗号分隔，首行为表头，列名用下列英文或中文名称，次序不限。含逗号、引号或换行的单元格
须用引号括起，其中的引号写两次。JSON 行：每行一个对象，字段名同上，值为文本。

各列：
";
const END_EN: &str = "
In JSON, asks may also be [{\"unit\": \"tax\", \"text\": \"…\"}], and circulated_to [\"tax\"].

Rows that break a rule are reported with row, line, column and rule, and the good ones are raised. Row 1
is the first beneath the heading; blank rows do not count. The same content is raised once, from this
file or any other: a run that was interrupted goes on where it stopped, and of a changed file only the
changed rows are new. `--again` raises what was raised before once more. docs/ALERT_FILES.md has an
example.
";
const END_ZH: &str = "
JSON 中 asks 也可写作 [{\"unit\": \"tax\", \"text\": \"…\"}]，circulated_to 也可写作 [\"tax\"]。

不符合规则的行按行号、列和规则逐一报告，其余各行照常发起。第 1 行为表头下的首行，空行不计。相同内容只发起
一次（不论来自哪个文件）：中断后重新运行即可继续；文件修改后只发起改动过的行。--again 会将此前已发起的再发起
一次。示例见 docs/ALERT_FILES.md。
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_has_every_column_and_value() {
        for lang in [Lang::En, Lang::Zh] {
            let help = help(lang);
            for column in COLUMNS {
                assert!(help.contains(column.name) && help.contains(column.zh));
                assert!(column.values.iter().all(|(value, _)| help.contains(value)));
            }
        }
    }
}
