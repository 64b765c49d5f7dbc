//! Help in Chinese.

mod alerts;
mod meetings;
mod referrals;
mod requests;

use clap::{Arg, ArgAction, Command};

/// What commands do, in Chinese, by path.
const ABOUT: &[(&str, &str)] = &[
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
    ("audit", "谁在何时、为何查阅了哪些受限记录"),
    (
        "audit list",
        "受限记录的查阅情况：何人、何事、何时、何用；不含内容",
    ),
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
        "说明某个命令；json 为 --json 的输出格式，minutes-file、alert-file 为文件格式",
    ),
];

/// What arguments are for, in Chinese: path of the command, id, text. A path holds for every command
/// beneath it that has nothing of its own, the empty one for all.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("", "profile", "节点配置文件"),
    ("", "officer", "经办人，代替配置中的经办人"),
    ("", "roles", "经办人所用角色，代替配置中的角色；可重复"),
    (
        "",
        "purpose",
        "查阅受限记录的用途，代替配置中的用途；记入查阅记录",
    ),
    (
        "",
        "json",
        "输出 JSON（watch 每行一个）；格式见 agency help json",
    ),
    ("", "lang", "帮助、标签和建议的语言；默认随 LANG"),
    ("", "color", "颜色：auto 表示仅在终端上，且未设 NO_COLOR"),
    ("", "deadline", "一次调用的最长秒数，含重试"),
    ("", "as_of", "查询哪一日，如 2023-08-18；默认今天"),
    ("", "mechanism", "机制标识"),
    ("members list", "duties", "改为列出各成员单位的职责及条款"),
    ("", "agency", "单位标识"),
    ("", "name", "通知的资源名称"),
    ("", "title", "标题，一行"),
    ("", "body", "正文"),
    ("", "body_file", "正文文件（“-”为标准输入）"),
    ("", "media_type", "正文的媒体类型"),
    ("", "document_number", "文号，如 晋民函〔2021〕64号"),
    (
        "",
        "classification",
        "public 公开，internal 内部；work-secret 和 state-secret 一律拒收",
    ),
    ("", "remedy", "有关组织可用的救济途径"),
    (
        "",
        "sign_by",
        "请接收方在此时之前签收：日期（至当日结束）、\"2026-12-01 18:00\" 或 RFC 3339",
    ),
    ("", "reply_by", "请接收方在此时之前答复，写法同 --sign-by"),
    ("", "occurred_on", "所报事项发生的日期"),
    ("", "request_id", "未收到答复的上一次尝试的请求编号"),
    (
        "",
        "recipient",
        "以谁的名义：默认本单位，也可为 mechanisms/M/office",
    ),
    ("", "newest_first", "新的在前"),
    ("", "index", "条目序号"),
    (
        "",
        "folder",
        "发件箱文件夹；默认为配置的状态文件夹中的 outbox",
    ),
    ("", "item", "条目编号"),
    ("members find", "name", "标识、正式名称或别名"),
    ("members appoint-liaison", "liaison", "新联络员的人员标识"),
    ("members appoint-liaison", "name", "成员名录中显示的名称"),
    (
        "members appoint-liaison",
        "rank",
        "职级：division 处级，other 其他（须给 --rank-reason）",
    ),
    (
        "members appoint-liaison",
        "rank_reason",
        "指定非处级人员的理由",
    ),
    ("members appoint-liaison", "from", "生效首日；默认今天"),
    (
        "members appoint-liaison",
        "replaces",
        "被更换的联络员的人员标识",
    ),
    ("members add", "from", "生效首日"),
    ("members add", "until", "不再是成员的首日"),
    ("members add", "case", "所需的执法案件（JE-014）"),
    ("members add", "decision", "领导小组决定的文号（FS-013）"),
    ("members nodes enroll", "file", "PEM 文件"),
    ("members nodes revoke", "name", "资源名称，见 list"),
    ("members nodes revoke", "reason", "原因"),
    ("members keys enroll", "file", "含 kid 的公钥 JWK 文件"),
    ("members keys revoke", "name", "资源名称，见 list"),
    ("members keys revoke", "reason", "原因"),
    ("notify publish", "channel", "发给某频道的全体读者"),
    (
        "notify publish",
        "to",
        "收件方：单位标识或 mechanisms/M/office；可重复",
    ),
    ("notify publish", "route", "按章程为该类别规定的去向发送"),
    (
        "notify publish",
        "batch",
        "发布 JSON 行文件（“-”为标准输入），每批至多 256 条，每批全部发布或全不发布。一行如：\
         {\"to\":[\"health\"],\"category\":\"coordination\",\"title\":\"…\",\"body\":\"…\",\
         \"classification\":\"internal\",\"subjects\":[{\"uscc\":\"…\",\"display_name\":\"…\"}]}；\
         可用 \"channel\":\"…\" 代替 \"to\"，两者都没有则按章程去向。运行两次也只发布一次",
    ),
    ("notify publish", "category", "章程中的类别标识"),
    (
        "notify publish",
        "subject",
        "所涉组织：统一社会信用代码=名称；可重复",
    ),
    ("notify publish", "legal_basis", "法律依据；可重复"),
    ("notify publish", "in_reply_to", "所答复的通知"),
    (
        "notify publish",
        "attach",
        "附件，至多 20 个，每个至多 100 MiB",
    ),
    (
        "notify publish",
        "outbox",
        "放入发件箱而不立即发送：数日后也会送达，且只发布一次",
    ),
    (
        "notify publish",
        "key",
        "自定的发件箱编号：同一编号只发布一次",
    ),
    (
        "notify publish",
        "stream",
        "发件箱的队列；同一队列中的条目按序送达",
    ),
    ("notify publish", "again", "同一文件曾发布过，仍再发布一次"),
    ("notify correct", "name", "要更正的通知的资源名称"),
    ("notify correct", "reason", "更正原因，一行；各接收单位可见"),
    (
        "notify correct",
        "title",
        "标题，一行；不给则不变，以下各项同",
    ),
    ("notify correct", "subject", "所涉组织，须列全；可重复"),
    ("notify correct", "legal_basis", "法律依据，须列全；可重复"),
    ("notify retract", "name", "要撤回的通知的资源名称"),
    ("notify retract", "reason", "撤回原因，一行；各接收单位可见"),
    (
        "notify due",
        "of",
        "谁的：mine（本单位应办）、sent（他人欠本单位）、办公室（mechanisms/M/office）或频道标识",
    ),
    ("notify due", "overdue", "仅逾期事项"),
    ("notify list", "log", "频道标识、inbox、sent 或完整日志名"),
    ("notify list", "page_size", "每页至多几条"),
    ("notify list", "page_token", "上一页末尾所给的页标记"),
    ("notify list", "all", "所有各页"),
    ("notify show", "open", "记录为已打开"),
    ("audit list", "record", "仅某记录（资源名称）的查阅"),
    (
        "audit list",
        "all",
        "各单位经办人的查阅，供领导小组办公室审计；有权时为默认",
    ),
    (
        "audit list",
        "own",
        "本单位经办人的查阅，以及他人对本单位记录的查阅",
    ),
    (
        "audit list",
        "kind",
        "种类：notification 通知，alert 预警，referral 移送，information-request 信息共享申请，account-information-request 账户信息申请",
    ),
    ("audit list", "reader", "仅某单位经办人的查阅"),
    ("audit list", "by", "仅某经办人的查阅"),
    ("audit list", "since", "自该日（含）起查阅"),
    ("audit list", "until", "至该日（含）止查阅"),
    ("audit list", "oldest_first", "旧的在前；默认新的在前"),
    ("audit list", "limit", "至多几条"),
    ("search", "title", "标题中的词，须全部出现"),
    ("search", "channel", "在某频道中"),
    ("search", "category", "类别标识"),
    ("search", "author", "由某单位发布"),
    ("search", "to", "发给某单位或 mechanisms/M/office"),
    ("search", "uscc", "涉及某组织（统一社会信用代码）"),
    ("search", "document_number", "文号，括号形式不限"),
    ("search", "since", "自该日（含）起发布"),
    ("search", "until", "至该日（含）止发布"),
    (
        "search",
        "state",
        "状态：current 现行，corrected 已更正，retracted 已撤回",
    ),
    (
        "search",
        "kind",
        "种类：original 原件，correction 更正，retraction 撤回，reminder 催办",
    ),
    ("search", "reply_to", "对某通知的答复"),
    ("search", "request_id", "作者所给的请求编号"),
    ("search", "oldest_first", "旧的在前；默认新的在前"),
    ("search", "limit", "至多几条"),
    ("attach upload", "files", "文件，每个至多 100 MiB"),
    (
        "attach get",
        "which",
        "文件名，或 SHA-256 或其开头几位；仅一个附件时可省略",
    ),
    ("attach get", "all", "全部附件"),
    ("attach get", "to", "写入的文件夹"),
    (
        "watch",
        "logs",
        "频道标识、inbox 或完整日志名；默认全部可读日志",
    ),
    ("watch", "consumer", "持久消费者；自上次确认处继续"),
    ("watch", "from_cursor", "自该游标之后继续"),
    ("watch", "ack", "确认已输出的内容"),
    ("watch", "live_only", "不要此前的通知"),
    (
        "watch",
        "exec",
        "每收到一条便运行该程序，JSON 由其标准输入给出；以 0 结束后才确认，否则稍后再运行。\
         其后的内容均为其参数；不经过 shell",
    ),
    ("watch", "until_caught_up", "输出已有的全部通知后结束"),
    ("ledger proof", "out", "写入的文件；默认标准输出"),
    ("ledger proof", "receipt", "含他单位条目头的回执"),
    (
        "ledger verify",
        "bundle",
        "ledger proof --out 写出的证明文件；不使用网络",
    ),
    (
        "ledger verify",
        "receipt",
        "含回执的 JSON 文件，即任一 --json 输出（“-”为标准输入）",
    ),
    (
        "ledger verify",
        "ledger_key",
        "账本的验证公钥，代替配置中的；没有配置时须给出",
    ),
    ("ledger verify", "node_ca", "作者证书须由其签发的机构"),
    (
        "outbox list",
        "state",
        "仅某状态：queued 待发，refused 被拒，delivered 已送达，discarded 已丢弃",
    ),
    ("outbox list", "stream", "仅某队列"),
    ("outbox list", "after", "在该条目之后"),
    ("outbox list", "limit", "至多几条"),
    (
        "outbox send",
        "seconds",
        "几秒后停止，仍有待发条目亦然；0 表示不停止",
    ),
    ("serve", "listen", "环回地址"),
    (
        "serve",
        "socket",
        "改用 Unix 套接字，权限 0660，所在文件夹不得人人可写",
    ),
    (
        "serve",
        "secret_file",
        "口令文件，调用方须以元数据 gateway-secret 发送该口令",
    ),
    ("serve", "connections_max", "至多几个连接；其余等待"),
    ("serve", "calls_max", "至多几个进行中的调用，含流"),
    ("completion", "shell", "哪种 shell"),
    (
        "man",
        "to",
        "为每个命令在此文件夹写一页；默认将首页写到标准输出",
    ),
    (
        "help",
        "topic",
        "某个命令，或 json、minutes-file、alert-file",
    ),
];

/// What is said of an argument of a command.
pub(super) fn argument(
    path: &str,
    id: &str,
) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let of = |at: &str| arguments().find(|(path, name, _)| *path == at && *name == id);
    let mut at = path;
    loop {
        let found = of(at);
        if found.is_some() || at.is_empty() {
            return found;
        }
        at = at.rsplit_once(' ').map_or("", |(above, _)| above);
    }
}

/// What every command does, by path.
pub(super) fn abouts() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    ABOUT
        .iter()
        .chain(meetings::ABOUT)
        .chain(alerts::ABOUT)
        .chain(referrals::ABOUT)
        .chain(requests::ABOUT)
}

/// What every argument is for.
pub(super) fn arguments()
-> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    ARGUMENTS
        .iter()
        .chain(meetings::ARGUMENTS)
        .chain(alerts::ARGUMENTS)
        .chain(referrals::ARGUMENTS)
        .chain(requests::ARGUMENTS)
}

/// A command and those beneath it, with everything that can be translated.
pub(super) fn translate(command: Command, path: &str) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let is_root = path.is_empty();
    let mut command = command
        .subcommand_help_heading("命令")
        .disable_help_flag(true)
        .mut_args(|argument| explain(argument, path))
        .arg(flag("help", 'h', "显示帮助", ArgAction::Help));
    if is_root {
        let version = flag("version", 'V', "显示版本", ArgAction::Version);
        command = command.disable_version_flag(true).arg(version);
    } else {
        command =
            command.help_template("{about-with-newline}\n用法： {usage}\n\n{all-args}{after-help}");
    }
    for name in names {
        let sub_path = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(&name, |sub| {
            let zh = abouts().find(|(path, _)| *path == sub_path);
            let sub = translate(sub, &sub_path);
            match zh {
                Some((_, zh)) => sub.about(*zh),
                None => sub,
            }
        });
    }
    command
}

/// Heading and help of an argument. Values and defaults, which clap would announce in English, are
/// part of the text.
fn explain(argument: Arg, path: &str) -> Arg {
    let heading = if argument.is_positional() {
        "参数"
    } else if argument.is_global_set() {
        "公共选项"
    } else {
        "选项"
    };
    let Some((_, _, zh)) = self::argument(path, argument.get_id().as_str()) else {
        return argument.help_heading(heading);
    };
    let argument = argument.help_heading(heading);
    if !argument.get_action().takes_values() {
        return argument.help(*zh);
    }
    let mut text = (*zh).to_owned();
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    if !values.is_empty() {
        text.push_str(&format!("［可选：{}］", values.join("、")));
    }
    if let Some(name) = argument.get_env() {
        text.push_str(&format!("［环境变量：{}］", name.to_string_lossy()));
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    if !defaults.is_empty() && !argument.is_hide_default_value_set() {
        text.push_str(&format!("［默认：{}］", defaults.join("、")));
    }
    argument
        .help(text)
        .hide_possible_values(true)
        .hide_default_value(true)
        .hide_env(true)
}

fn flag(name: &'static str, short: char, help: &'static str, action: ArgAction) -> Arg {
    Arg::new(name)
        .short(short)
        .long(name)
        .help(help)
        .help_heading("选项")
        .action(action)
}
