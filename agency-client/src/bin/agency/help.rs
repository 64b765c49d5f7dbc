//! Help in two languages, with the commands in groups.

use agency_client::Lang;
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::{
    Context,
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

Data goes to stdout, everything else to stderr. Times are Asia/Shanghai, in --json UTC.";

const EXIT_CODES_ZH: &str = "\
退出码：
  0  完成
  1  被中枢拒绝
  2  用法错误
  3  无法连接中枢、未及时答复，或仍有内容等待发送
  4  验证失败：历史被改写、证明不成立、位置缺失、中枢不可信
  5  本地文件或发件箱无法使用

数据输出到 stdout，其余输出到 stderr。时间为 Asia/Shanghai，--json 中为 UTC。";

/// Groups of commands, in the order in which help shows them.
const GROUPS: &[(&str, &str, &[&str])] = &[
    (
        "Daily work",
        "日常",
        &["notify", "watch", "search", "attach", "channels"],
    ),
    ("Meetings", "会议", &["meeting", "minutes", "issue"]),
    (
        "Connection",
        "连接",
        &["whoami", "consumers", "outbox", "serve"],
    ),
    ("Members", "成员", &["members"]),
    ("Proof", "核验", &["ledger"]),
    ("Tools", "工具", &["completion", "man", "help"]),
];

/// What commands do, in Chinese, by path.
const ABOUT_ZH: &[(&str, &str)] = &[
    ("whoami", "中枢所认定的调用者身份"),
    ("members", "机制、单位、成员、联络员、节点证书和令牌密钥"),
    ("members mechanisms", "章程中的机制"),
    ("members list", "某机制或全部机制的成员"),
    ("members find", "按标识、正式名称或别名查找单位"),
    ("members agencies", "章程中的全部单位"),
    (
        "members appoint-liaison",
        "指定或更换本单位联络员（JE-027、JE-028）",
    ),
    ("members add", "增补机制成员（JE-014、FS-013）"),
    ("members nodes", "节点证书"),
    ("members nodes list", "本单位或其他单位的证书"),
    ("members nodes enroll", "登记本单位证书"),
    ("members nodes revoke", "吊销证书，其打开的流随即终止"),
    ("members keys", "令牌签名密钥"),
    ("members keys list", "本单位或其他单位的令牌密钥"),
    ("members keys enroll", "登记本单位令牌密钥"),
    ("members keys revoke", "吊销令牌密钥"),
    ("notify", "发布、更正、撤回、列出、查看和签收通知"),
    ("notify publish", "发布一条通知，或一个文件中的多条"),
    (
        "notify correct",
        "以更正后的通知取代原通知，各接收单位须确认",
    ),
    ("notify retract", "撤回通知，各接收单位须确认"),
    ("notify due", "待办事项，按期限先后"),
    (
        "notify list",
        "某日志中的通知：频道标识、inbox、sent 或完整日志名",
    ),
    ("notify show", "查看一条通知"),
    ("notify sign", "签收通知"),
    ("notify receipts", "谁已送达、打开、签收、答复，谁还欠什么"),
    ("search", "按标题、组织、文号、状态、时间等查找通知"),
    ("attach", "通知的附件"),
    (
        "attach upload",
        "上传文件，供之后的通知引用（notify publish --attach 一并完成）",
    ),
    ("attach list", "通知的附件列表"),
    ("attach get", "下载通知的附件，可续传"),
    ("channels", "可读的频道"),
    ("watch", "实时接收通知，不漏不重"),
    ("consumers", "本单位的持久消费者"),
    ("meeting", "会议：议题、通知、回复、出席情况"),
    ("meeting create", "筹备会议，仅各办公室可见"),
    ("meeting confirm", "以另一办公室名义确认联席会议（FS-061）"),
    ("meeting open", "开始征集议题，通知参会单位"),
    ("meeting topic", "议题：提出、讨论、确定"),
    ("meeting topic list", "议题列表，已列入的按议程先后"),
    ("meeting topic show", "查看一个议题及各方意见"),
    ("meeting topic propose", "提出议题"),
    ("meeting topic comment", "对议题发表意见"),
    ("meeting topic accept", "列入议程"),
    ("meeting topic decline", "不列入议程"),
    ("meeting topic merge", "并入另一议题"),
    ("meeting topic order", "排定议程次序"),
    (
        "meeting topic confirm",
        "确定议题，此后方可召集会议（JE-072）",
    ),
    ("meeting convene", "发出会议通知"),
    ("meeting change", "变更会议安排，各单位须重新回复"),
    ("meeting answer", "回复会议通知"),
    ("meeting cancel", "取消尚未召开的会议，并告知各方"),
    ("meeting held", "登记会议召开及出席、请假、列席情况"),
    ("meeting close", "议定事项全部办结后，办结会议"),
    ("meeting list", "会议列表，新的在前"),
    ("meeting show", "查看一次会议：通知、回复、议题、出席情况"),
    ("meeting warnings", "原则上应有而尚无的会议（JE-070）"),
    ("minutes", "纪要：版本、会签、印发、议定事项"),
    ("minutes template", "输出纪要文件样式，含会议议题"),
    (
        "minutes draft",
        "按文件起草新版本；格式见 agency help minutes-file",
    ),
    ("minutes versions", "版本列表"),
    ("minutes show", "查看一个版本全文"),
    ("minutes diff", "逐字比较两个版本"),
    ("minutes circulate", "将最新版本送与会单位会签"),
    ("minutes consent", "以本单位名义同意某一版本（JE-074）"),
    ("minutes object", "对某一版本提出异议"),
    ("minutes withdraw", "撤回本单位异议，重新会签"),
    ("minutes issue", "全部与会单位同意后印发"),
    ("minutes correct", "更正已印发的纪要，另行成文"),
    (
        "minutes status",
        "会签情况：谁已同意、谁有异议、谁待会签及自何时",
    ),
    ("minutes items", "议定事项列表，期限早的在前"),
    ("minutes item", "查看一项议定事项及各单位进展"),
    ("minutes report", "报告本单位落实进展（JE-080）"),
    ("minutes extend", "向办公室申请延期"),
    ("minutes grant", "同意延期"),
    ("minutes refuse", "不同意延期"),
    ("minutes close-item", "办结一项议定事项"),
    ("minutes statistics", "各单位出席率和完成率（JE-080）"),
    ("issue", "重大问题及上报领导小组"),
    ("issue flag", "向机制办公室提出重大问题（JE-023）"),
    (
        "issue dispose",
        "提出处理意见：提交会议、上报或说明理由办结",
    ),
    ("issue list", "重大问题列表，早的在前"),
    ("issue show", "查看一个重大问题"),
    ("issue escalation", "向领导小组上报重大问题（JE-075）"),
    ("issue escalation draft", "由牵头单位起草上报"),
    ("issue escalation co-sign", "以本单位名义会签"),
    ("issue escalation decline", "不同意会签"),
    ("issue escalation send", "会签后上报"),
    ("issue escalation withdraw", "撤回尚未上报的草稿"),
    ("issue escalation reply", "登记领导小组批复"),
    ("issue escalation list", "上报列表，新的在前"),
    ("issue escalation show", "查看一次上报：会签和批复"),
    ("ledger", "检查点、证明和条目"),
    ("ledger checkpoint", "最新检查点，并与已存检查点核对"),
    ("ledger verify", "验证中枢历史、回执或（离线）证明文件"),
    ("ledger proof", "写出可离线验证某条目的证明文件"),
    ("ledger entry", "本单位所作的一个条目"),
    ("ledger audit", "读取全部条目头并重新计算根哈希，供审计使用"),
    ("outbox", "在本机等待中枢记录的内容"),
    ("outbox list", "条目（先入先列）及数量"),
    ("outbox show", "查看一个条目：受阻原因或回执"),
    ("outbox send", "发送，直至没有待发条目"),
    ("outbox retry", "重新发送被拒条目"),
    ("outbox discard", "永久丢弃一个条目"),
    ("outbox prune", "清理已过保留期的条目"),
    ("serve", "网关：供本机系统免密钥使用中枢接口"),
    ("completion", "生成命令补全脚本"),
    ("man", "生成手册页"),
    (
        "help",
        "说明某个命令；json 为 --json 的输出格式，minutes-file 为纪要文件格式",
    ),
];

/// What arguments are for, in Chinese, by id: those that every command has.
const ARGUMENTS_ZH: &[(&str, &str)] = &[
    ("profile", "节点配置文件"),
    ("officer", "经办人，代替配置中的经办人"),
    ("roles", "经办人所用角色，代替配置中的角色；可重复"),
    (
        "json",
        "输出 JSON（watch 每行一个）；格式见 agency help json",
    ),
    ("lang", "帮助、标签和建议的语言；默认随 LANG"),
    ("color", "颜色：auto 表示仅在终端上，且未设 NO_COLOR"),
    ("deadline", "一次调用的最长秒数，含重试"),
];

/// The command line in a language.
pub(crate) fn command(lang: Lang) -> Command {
    let command = Cli::command();
    let command = match lang {
        Lang::En => command,
        Lang::Zh => in_chinese(command.about("单位节点命令行"), ""),
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

/// Headings, and what commands and common arguments are for, in Chinese.
fn in_chinese(command: Command, path: &str) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let has_version = path.is_empty();
    let mut command = command
        .subcommand_help_heading("命令")
        .disable_help_flag(true)
        .arg(flag("help", 'h', "显示帮助", ArgAction::Help))
        .mut_args(|argument| {
            let heading = if argument.is_positional() {
                "参数"
            } else {
                "选项"
            };
            let zh = ARGUMENTS_ZH.iter().find(|(id, _)| argument.get_id() == id);
            let argument = argument.help_heading(heading);
            match zh {
                Some((_, zh)) => argument.help(*zh),
                None => argument,
            }
        });
    if has_version {
        command = command.disable_version_flag(true).arg(flag(
            "version",
            'V',
            "显示版本",
            ArgAction::Version,
        ));
    } else {
        command =
            command.help_template("{about-with-newline}\n用法： {usage}\n\n{all-args}{after-help}");
    }
    for name in names {
        let sub_path = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(&name, |sub| {
            let zh = ABOUT_ZH.iter().find(|(path, _)| *path == sub_path);
            let sub = in_chinese(sub, &sub_path);
            match zh {
                Some((_, zh)) => sub.about(*zh),
                None => sub,
            }
        });
    }
    command
}

fn flag(name: &'static str, short: char, help: &'static str, action: ArgAction) -> Arg {
    Arg::new(name)
        .short(short)
        .long(name)
        .help(help)
        .action(action)
}

/// `agency help [COMMAND… | json]`.
pub(crate) fn run(context: &Context, topic: &[String]) -> Done {
    let out = context.out;
    if topic == ["json"] {
        return out.text(JSON);
    }
    if topic == ["minutes-file"] {
        return out.text(out.label(MINUTES_FILE_EN, MINUTES_FILE_ZH));
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
        let mut explained: Vec<_> = ABOUT_ZH
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .collect();
        found.sort_unstable();
        explained.sort_unstable();
        assert_eq!(found, explained);
        for (id, _) in ARGUMENTS_ZH {
            assert!(
                Cli::command()
                    .get_arguments()
                    .any(|argument| argument.get_id() == id),
                "{id}"
            );
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
            "outbox",
            "attach",
            "meeting",
            "meeting topic",
            "minutes",
            "issue",
            "issue escalation",
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
