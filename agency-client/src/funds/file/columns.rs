//! The columns of a file of alerts.

use crate::Lang;

/// A column, by either name.
///
/// ```
/// use agency_client::funds::file::Column;
///
/// let column = Column::find("等级").unwrap();
/// assert_eq!(column.name, "severity");
/// assert!(column.values.contains(&("major", "重大")));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, and the field of a JSON line.
    pub name: &'static str,
    /// Its Chinese name.
    pub zh: &'static str,
    /// Whether a heading must have it.
    pub is_required: bool,
    /// What stands in it.
    pub help_en: &'static str,
    /// The same in Chinese.
    pub help_zh: &'static str,
    /// What may stand in it, when not everything: value and Chinese name.
    pub values: &'static [(&'static str, &'static str)],
}

const fn column(
    name: &'static str,
    zh: &'static str,
    help_en: &'static str,
    help_zh: &'static str,
) -> Column {
    Column {
        name,
        zh,
        is_required: true,
        help_en,
        help_zh,
        values: &[],
    }
}

/// Every column.
///
/// ```
/// use agency_client::funds::file::COLUMNS;
///
/// let required: Vec<&str> = COLUMNS.iter().filter(|one| one.is_required).map(|one| one.name).collect();
/// assert!(required.contains(&"uscc") && !required.contains(&"asks"));
/// ```
pub const COLUMNS: &[Column] = &[
    column(
        "uscc",
        "统一社会信用代码",
        "the organisation's code, 18 characters, both check characters right (GB 32100-2015)",
        "18 位，两个校验码均须正确（GB 32100-2015）",
    ),
    column(
        "organization",
        "组织名称",
        "its registered name, 1 to 200 characters on one line",
        "登记名称，一行，1 至 200 字",
    ),
    Column {
        values: &[
            ("abnormal_movement", "资金异动"),
            ("overseas_donation", "境外捐赠"),
        ],
        ..column(
            "kind",
            "类别",
            "series, the indicator's (FS-054)",
            "须与指标的类别一致（FS-054）",
        )
    },
    column(
        "indicator",
        "指标",
        "id of an indicator of the charter, such as flow_out_of_line",
        "章程中的指标标识，如 flow_out_of_line",
    ),
    column(
        "start_on",
        "起始日期",
        "first day of the period, 2026-01-31 or 2026/1/31",
        "期间首日，如 2026-01-31 或 2026/1/31",
    ),
    column(
        "end_on",
        "截止日期",
        "last day: not in the future, at most 10 years after the first",
        "期间末日，不得晚于今天，距首日至多 10 年",
    ),
    column(
        "amount_band",
        "金额档",
        "id of an amount band of the charter, such as 1m_10m",
        "章程中的金额档标识，如 1m_10m",
    ),
    column(
        "currency",
        "币种",
        "three capital letters (ISO 4217), such as CNY",
        "三位大写字母（ISO 4217），如 CNY",
    ),
    Column {
        values: &[("in", "流入"), ("out", "流出"), ("both", "双向")],
        ..column("direction", "方向", "which way the money went", "资金流向")
    },
    Column {
        values: &[
            ("routine", "一般"),
            ("major", "重大"),
            ("emergency", "紧急"),
        ],
        ..column(
            "severity",
            "等级",
            "how severe it is; an emergency goes to all (FS-023)",
            "紧急预警发往全部成员单位（FS-023）",
        )
    },
    column(
        "severity_reason",
        "定级理由",
        "1 to 1,000 characters",
        "1 至 1000 字",
    ),
    column(
        "grounds",
        "依据",
        "the grounds in words, 1 to 4,000 characters: no accounts, no transactions (FS-051)",
        "1 至 4000 字；不得含账号、交易明细（FS-051）",
    ),
    column(
        "source_note",
        "来源",
        "where it comes from, 1 to 500 characters",
        "1 至 500 字",
    ),
    column(
        "legal_basis",
        "法律依据",
        "1 to 500 characters",
        "1 至 500 字",
    ),
    Column {
        values: &[
            ("internal", "内部"),
            ("work_secret", "工作秘密"),
            ("state_secret", "国家秘密"),
        ],
        ..column(
            "classification",
            "密级",
            "internal, and never assumed; a row that is marked as a secret is refused (X-005)",
            "须为内部，不作默认；标为秘密的行一律拒绝（X-005）",
        )
    },
    Column {
        is_required: false,
        ..column(
            "asks",
            "要求",
            "what is asked of whom: AGENCY=TEXT, parted by | or line breaks, at most 32",
            "单位标识=要求，以 | 或换行分隔，至多 32 项",
        )
    },
    Column {
        is_required: false,
        ..column(
            "circulated_to",
            "发送单位",
            "ids of agencies, parted by |; all members when empty",
            "单位标识，以 | 分隔；为空则发往全部成员单位",
        )
    },
    Column {
        is_required: false,
        ..column(
            "reference",
            "本单位编号",
            "your own id of the row, for the report alone: it is not sent, 1 to 100 characters",
            "本单位的行编号，仅用于结果报告，不发送，1 至 100 字",
        )
    },
];

impl Column {
    /// The column of a name, in either language.
    ///
    /// ```
    /// use agency_client::funds::file::Column;
    ///
    /// assert_eq!(Column::find(" uscc "), Column::find("统一社会信用代码"));
    /// assert_eq!(Column::find("account_number"), None);
    /// ```
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.trim();
        COLUMNS
            .iter()
            .find(|column| column.name == name || column.zh == name)
    }

    /// The column of a field of the contract, such as `alert.organization.uscc` or `asks[0].unit`: where what
    /// the hub says of an alert belongs in a file.
    ///
    /// ```
    /// use agency_client::funds::file::Column;
    ///
    /// assert_eq!(Column::of_field("alert.organization.uscc"), Column::find("uscc"));
    /// assert_eq!(Column::of_field("request_id"), None);
    /// ```
    #[must_use]
    pub fn of_field(field: &str) -> Option<&'static Self> {
        let field = field.strip_prefix("alert.").unwrap_or(field);
        let name = match field {
            "organization.uscc" => "uscc",
            "organization.display_name" => "organization",
            other => other.split(['[', '.']).next().unwrap_or_default(),
        };
        COLUMNS.iter().find(|column| column.name == name)
    }

    /// The name of a column in a language; what is none stays as it is.
    ///
    /// ```
    /// use agency_client::{Lang, funds::file::Column};
    ///
    /// assert_eq!(Column::named("grounds", Lang::Zh), "依据");
    /// ```
    #[must_use]
    pub fn named(name: &str, lang: Lang) -> &str {
        match (lang, Self::find(name)) {
            (Lang::Zh, Some(column)) => column.zh,
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_of_one_column_and_the_document_has_them_all() {
        let names: BTreeSet<&str> = COLUMNS
            .iter()
            .flat_map(|column| [column.name, column.zh])
            .collect();
        assert_eq!(names.len(), COLUMNS.len() * 2);
        let document = include_str!("../../../../docs/ALERT_FILES.md");
        for column in COLUMNS {
            let row = format!("| `{}` | {} |", column.name, column.zh);
            assert!(document.contains(&row), "{row}");
        }
    }

    #[test]
    fn fields_of_the_contract_are_columns() {
        for (field, name) in [
            ("alert.organization.uscc", "uscc"),
            ("organization.display_name", "organization"),
            ("alert.asks[3].text", "asks"),
            ("circulated_to[0]", "circulated_to"),
            ("alert.grounds", "grounds"),
        ] {
            assert_eq!(Column::of_field(field).unwrap().name, name);
        }
        assert_eq!(Column::of_field("request_id"), None);
        assert_eq!(Column::named("uscc", Lang::Zh), "统一社会信用代码");
        assert_eq!(Column::named("row", Lang::Zh), "row");
    }
}
