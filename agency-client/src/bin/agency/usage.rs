//! Command lines that clap refuses, told in the language and form that were asked for.

use agency_client::Lang;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::json;

use crate::table::one_line;

/// What is wrong, as it goes to stderr; `None` for what clap itself says best: help, the version,
/// and the English text for people.
pub(crate) fn told(error: &clap::Error, lang: Lang, as_json: bool) -> Option<String> {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return None;
    }
    let advice = lang.pick(
        "Run the command with --help to see what it takes.",
        "用 --help 查看该命令的用法。",
    );
    let message = match lang {
        Lang::En => english(error),
        Lang::Zh => chinese(error).unwrap_or_else(|| english(error)),
    };
    if as_json {
        let value = json!({"error": {"reason": "USAGE", "message": message, "advice": advice}});
        return Some(format!("{value}\n"));
    }
    match lang {
        Lang::En => None,
        Lang::Zh => {
            let usage = usage(error).map_or_else(String::new, |usage| format!("  用法: {usage}\n"));
            let message = one_line(&message);
            Some(format!("错误: {message}\n{usage}  处理办法: {advice}\n"))
        }
    }
}

/// Clap's own words, without the usage and the hints after them.
fn english(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn usage(error: &clap::Error) -> Option<String> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    let usage = usage.strip_prefix("Usage:").unwrap_or(&usage);
    Some(usage.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn chinese(error: &clap::Error) -> Option<String> {
    let of = |kind| error.get(kind).map(listed);
    let argument = || of(ContextKind::InvalidArg);
    let value = || of(ContextKind::InvalidValue);
    Some(match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("缺少 {}", argument()?),
        ErrorKind::MissingSubcommand => "缺少命令".to_owned(),
        ErrorKind::UnknownArgument => {
            let guess = of(ContextKind::SuggestedArg)
                .map_or_else(String::new, |guess| format!("，是否为 {guess}"));
            format!("没有参数 {}{guess}", argument()?)
        }
        ErrorKind::InvalidSubcommand => {
            let guess = of(ContextKind::SuggestedSubcommand)
                .map_or_else(String::new, |guess| format!("，是否为 {guess}"));
            format!("没有命令 {}{guess}", of(ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::ArgumentConflict => {
            format!(
                "{} 不能与 {} 同时使用",
                argument()?,
                of(ContextKind::PriorArg)?
            )
        }
        ErrorKind::InvalidValue if value().is_none_or(|value| value.is_empty()) => {
            format!("{} 缺少值", argument()?)
        }
        ErrorKind::InvalidValue => {
            let valid = of(ContextKind::ValidValue)
                .map_or_else(String::new, |valid| format!("，可选：{valid}"));
            format!("{} 的值 {} 无效{valid}", argument()?, value()?)
        }
        ErrorKind::ValueValidation => {
            let why =
                std::error::Error::source(error).map_or_else(String::new, |why| format!("：{why}"));
            format!("{} 的值 {} 无效{why}", argument()?, value()?)
        }
        _ => return None,
    })
}

fn listed(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(all) => all.join("、"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str, lang: Lang) -> clap::Error {
        crate::help::command(lang)
            .try_get_matches_from(line.split_whitespace())
            .unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_said_in_chinese() {
        for (line, said) in [
            ("agency attach get", "缺少 <NAME>"),
            (
                "agency outbox list --stat queued",
                "没有参数 --stat，是否为 --state",
            ),
            ("agency outbox lst", "没有命令 lst"),
            ("agency attach get n x --all", "不能与"),
            (
                "agency search --state gone",
                "的值 gone 无效，可选：current、corrected、retracted",
            ),
            ("agency outbox show x", "的值 x 无效：ticket"),
            ("agency outbox list --limit", "缺少值"),
        ] {
            let told = told(&refused(line, Lang::Zh), Lang::Zh, false).unwrap();
            assert!(told.starts_with("错误: "), "{told}");
            assert!(told.contains(said), "{line}: {told}");
            assert!(told.contains("处理办法: "), "{told}");
        }
    }

    #[test]
    fn scripts_get_json_and_people_get_what_clap_says() {
        let error = refused("agency attach get", Lang::En);
        assert_eq!(told(&error, Lang::En, false), None);
        let told = told(&error, Lang::En, true).unwrap();
        let value: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(value["error"]["reason"], "USAGE");
        let message = "the following required arguments were not provided: <NAME>";
        assert_eq!(value["error"]["message"], message);
    }

    #[test]
    fn help_is_no_error() {
        for line in ["agency --help", "agency outbox", "agency --version"] {
            assert_eq!(
                told(&refused(line, Lang::Zh), Lang::Zh, true),
                None,
                "{line}"
            );
        }
    }
}
