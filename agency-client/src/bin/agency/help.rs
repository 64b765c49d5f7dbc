//! Help in two languages, with the commands in groups.

mod chinese;

use agency_client::Lang;
use clap::{Command, CommandFactory as _};

use crate::{
    Context, alert,
    args::Cli,
    output::{Done, Failure},
};

const EXIT_CODES_EN: &str = "\
Exit codes:
  0  done
  1  refused by the hub
  2  wrong usage
  3  the hub cannot be reached, did not answer in time, or something still waits for it
  4  verification failed: history rewritten, bad proof, skipped position, untrusted hub
  5  a local file or the outbox cannot be used
  6  some rows of a file were refused, the others are done

Data goes to stdout, everything else to stderr. Times are Asia/Shanghai, in --json UTC.";

const EXIT_CODES_ZH: &str = "\
退出码：
  0  完成
  1  被中枢拒绝
  2  用法错误
  3  无法连接中枢、未及时答复，或仍有内容等待发送
  4  验证失败：历史被改写、证明不成立、位置缺失、中枢不可信
  5  本地文件或发件箱无法使用
  6  文件中部分行被拒绝，其余已完成

数据输出到 stdout，其余输出到 stderr。时间为 Asia/Shanghai，--json 中为 UTC。";

/// Groups of commands, in the order in which help shows them.
const GROUPS: &[(&str, &str, &[&str])] = &[
    (
        "Daily work",
        "日常",
        &["notify", "watch", "search", "attach", "channels"],
    ),
    ("Meetings", "会议", &["meeting", "minutes", "issue"]),
    ("Supervision", "监管", &["alert", "referral", "request"]),
    (
        "Connection",
        "连接",
        &["whoami", "consumers", "outbox", "serve"],
    ),
    ("Members", "成员", &["members"]),
    ("Proof", "核验", &["ledger", "audit"]),
    ("Tools", "工具", &["workdays", "completion", "man", "help"]),
];

/// The command line in a language.
pub(crate) fn command(lang: Lang) -> Command {
    let command = Cli::command();
    let command = match lang {
        // Else they would stand between the command's own.
        Lang::En => command.mut_args(|argument| {
            if argument.is_global_set() {
                argument.help_heading("Options of every command")
            } else {
                argument
            }
        }),
        Lang::Zh => chinese::translate(command.about("单位节点命令行"), ""),
    };
    let groups = groups(&command, lang);
    let exit_codes = lang.pick(EXIT_CODES_EN, EXIT_CODES_ZH);
    let usage = lang.pick("Usage:", "用法：");
    command
        .help_template(format!(
            "{{about-with-newline}}\n{usage} {{usage}}\n\n{groups}{}\n{{options}}{{after-help}}",
            lang.pick("Options:", "选项：")
        ))
        .after_help(format!("\n{exit_codes}"))
}

/// The commands under their groups.
fn groups(command: &Command, lang: Lang) -> String {
    let widest = command
        .get_subcommands()
        .map(|sub| sub.get_name().len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (en, zh, names) in GROUPS {
        text.push_str(&format!("{}{}\n", lang.pick(en, zh), lang.pick(":", "：")));
        for name in *names {
            let about = command
                .find_subcommand(name)
                .and_then(Command::get_about)
                .map(ToString::to_string)
                .unwrap_or_default();
            text.push_str(&format!("  {name:widest$}  {about}\n"));
        }
        text.push('\n');
    }
    text
}

/// `agency help [COMMAND… | json | minutes-file | alert-file]`.
pub(crate) fn run(context: &Context, topic: &[String]) -> Done {
    let out = context.out;
    if topic == ["json"] {
        return out.text(JSON);
    }
    if topic == ["minutes-file"] {
        return out.text(out.label(MINUTES_FILE_EN, MINUTES_FILE_ZH));
    }
    if topic == ["alert-file"] {
        return out.text(alert::columns::help(out.lang));
    }
    let mut command = command(out.lang);
    command.build();
    let mut at = &mut command;
    for name in topic {
        at = at.find_subcommand_mut(name).ok_or_else(|| {
            let topic = topic.join(" ");
            Failure::usage(
                format!("there is no command {topic}; `agency help` lists them"),
                format!("没有命令 {topic}；用 agency help 查看全部命令"),
            )
        })?;
    }
    let help = at.render_long_help();
    if out.look.paints {
        out.text(help.ansi())
    } else {
        out.text(help)
    }
}

/// The shapes of `--json`. They only grow: fields are added, never renamed or taken away.
const JSON: &str = include_str!("help/json.txt");

/// The form of minutes as a file.
const MINUTES_FILE_EN: &str = include_str!("help/minutes-file.en.txt");
/// The same in Chinese.
const MINUTES_FILE_ZH: &str = include_str!("help/minutes-file.zh.txt");

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(command: &Command, prefix: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{prefix} {}", sub.get_name()).trim().to_owned();
            paths(sub, &path, found);
            found.push(path);
        }
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = Cli::command();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, _, names)| *names)
            .copied()
            .collect();
        let mut names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        grouped.sort_unstable();
        names.sort_unstable();
        assert_eq!(grouped, names);
    }

    #[test]
    fn every_command_is_explained_in_chinese_too() {
        let mut found = vec![];
        paths(&Cli::command(), "", &mut found);
        let mut explained: Vec<_> = chinese::abouts()
            .map(|(path, _)| (*path).to_owned())
            .collect();
        found.sort_unstable();
        explained.sort_unstable();
        assert_eq!(found, explained);
    }

    #[test]
    fn every_argument_is_explained_in_chinese_too() {
        fn walk(command: &Command, path: &str, used: &mut Vec<(String, String)>) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                let entry = chinese::argument(path, id);
                let (at, id, _) = entry.unwrap_or_else(|| panic!("{path}: {id}"));
                used.push(((*at).to_owned(), (*id).to_owned()));
            }
            for sub in command.get_subcommands() {
                walk(sub, format!("{path} {}", sub.get_name()).trim(), used);
            }
        }
        let mut used = vec![];
        walk(&Cli::command(), "", &mut used);
        for (path, id, _) in chinese::arguments() {
            let entry = ((*path).to_owned(), (*id).to_owned());
            assert!(used.contains(&entry), "{entry:?} is of no argument");
        }
    }

    #[test]
    fn the_options_of_every_command_stand_after_its_own() {
        for (lang, own, common) in [
            (Lang::En, "--newest-first", "Options of every command:"),
            (Lang::Zh, "--newest-first", "公共选项:"),
        ] {
            let mut command = command(lang);
            command.build();
            let outbox = command.find_subcommand_mut("outbox").unwrap();
            let list = outbox.find_subcommand_mut("list").unwrap();
            let help = list.render_long_help().to_string();
            let at = |text: &str| {
                help.find(text)
                    .unwrap_or_else(|| panic!("{text} in {help}"))
            };
            assert!(at(own) < at(common), "{help}");
            assert!(at(common) < at("--profile"), "{help}");
        }
    }

    #[test]
    fn help_has_no_english_heading_in_chinese() {
        command(Lang::Zh).debug_assert();
        let mut command = command(Lang::Zh);
        command.build();
        let root = command.render_long_help().to_string();
        let publish = command
            .find_subcommand_mut("notify")
            .and_then(|notify| notify.find_subcommand_mut("publish"))
            .unwrap()
            .render_long_help()
            .to_string();
        for text in [root, publish] {
            for heading in [
                "Usage:",
                "Options:",
                "Commands:",
                "Arguments:",
                "Exit codes",
                "Possible values",
                "[default",
                "[env",
                "[possible",
            ] {
                assert!(!text.contains(heading), "{heading} in:\n{text}");
            }
            assert!(text.contains("用法") && text.contains("选项"), "{text}");
        }
    }

    #[test]
    fn json_shapes_are_described_for_every_command_that_prints_them() {
        let mut found = vec![];
        paths(&Cli::command(), "", &mut found);
        let silent = [
            "members",
            "members nodes",
            "members keys",
            "notify",
            "ledger",
            "audit",
            "outbox",
            "attach",
            "meeting",
            "meeting topic",
            "minutes",
            "issue",
            "issue escalation",
            "request",
            "referral",
            "alert",
            "alert notice",
            "alert measure",
            "completion",
            "man",
            "help",
        ];
        for path in found.iter().filter(|path| !silent.contains(&path.as_str())) {
            assert!(
                JSON.lines().any(|line| {
                    let names = line.split(" -> ").next().unwrap_or_default();
                    names.split(" | ").any(|name| name.trim() == path)
                }),
                "{path}"
            );
        }
    }
}
