//! Help about referrals in Chinese.

/// What commands do, by path.
pub(super) const ABOUT: &[(&str, &str)] = &[
    ("referral", "移送：签收、答复、反馈结果"),
    ("referral send", "向有权单位移送（FS-036）"),
    (
        "referral list",
        "本单位的移送；用 --awaiting 时早的在前（FS-037）",
    ),
    (
        "referral show",
        "查看一件移送：内容、状态、谁待办何事；查阅将被记录",
    ),
    ("referral acknowledge", "以本单位名义签收"),
    ("referral take-up", "受理，此后须反馈结果"),
    ("referral decline", "不予受理并说明理由"),
    ("referral return", "非本单位职权，退回"),
    ("referral ask", "请移送单位补充情况"),
    ("referral inform", "移送单位补充情况"),
    ("referral result", "受理单位反馈结果"),
    ("referral correct", "移送单位更正，未给出的保持不变"),
    ("referral close", "移送单位办结"),
    ("referral withdraw", "受理前撤回"),
];

/// What arguments are for: path of the command, id, text. A path holds for what is beneath it too.
pub(super) const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("referral", "referral", "移送：标识或资源名称"),
    ("referral", "text", "正文"),
    ("referral", "text_file", "正文文件（“-”为标准输入）"),
    ("referral", "attach", "材料文件"),
    ("referral", "reason", "理由"),
    ("referral", "note", "说明"),
    ("referral", "reference", "本单位文号"),
    (
        "referral",
        "organization",
        "涉及组织：统一社会信用代码=名称；可重复，至多 8 个",
    ),
    ("referral", "title", "标题，一行"),
    ("referral", "legal_basis", "移送的法律依据"),
    ("referral", "source", "线索来源"),
    ("referral", "asks", "请接收单位办理的事项"),
    ("referral send", "to", "有权单位：标识、正式名称或别名"),
    ("referral show", "revision", "较早的版本"),
    ("referral acknowledge", "revision", "所阅版本"),
    ("referral return", "competent", "可能有权的单位，文字说明"),
    ("referral result", "is_final", "此后不再反馈"),
    (
        "referral list",
        "direction",
        "仅本单位移送的，或仅移送本单位的",
    ),
    ("referral list", "awaiting", "仅待此事的，早的在前"),
    ("referral list", "state", "仅此状态"),
    ("referral list", "organization", "仅涉及此组织：代码"),
    ("referral list", "page_size", "每页至多几条；默认由中枢决定"),
    ("referral list", "page_token", "上一页末尾所给的页标记"),
    ("referral list", "all", "所有各页"),
];
