//! Help about fund alerts in Chinese.

/// What commands do, by path.
pub(super) const ABOUT: &[(&str, &str)] = &[
    (
        "alert",
        "资金预警：发起、签收、核查、措施、办结、更正、撤回",
    ),
    (
        "alert raise",
        "由人民银行分支机构对某组织发起预警（FS-054）",
    ),
    (
        "alert load",
        "按文件批量发起，每行一条；各列说明见 agency help alert-file",
    ),
    ("alert list", "预警列表，新的在前，并列出未签收单位"),
    (
        "alert show",
        "查看一条预警：要求、签收、结论、措施、联合通报",
    ),
    ("alert acknowledge", "以本单位名义签收预警，并说明处理意见"),
    ("alert inform", "由发起单位补充信息，告知各单位"),
    ("alert notice", "联合通报，由两个以上单位签署（FS-021）"),
    ("alert notice draft", "起草联合通报，请各单位会签"),
    ("alert notice sign", "以本单位名义会签"),
    ("alert notice decline", "不会签，并说明理由"),
    (
        "alert notice issue",
        "两个以上单位会签后印发，告知可见该预警的各方",
    ),
    ("alert finding", "登记本单位核查结论"),
    ("alert measure", "各单位对预警采取的措施"),
    ("alert measure take", "采取一项措施"),
    ("alert measure report", "报告措施已完成"),
    ("alert measure review", "预警更正或撤回后，维持或解除措施"),
    ("alert close", "由办公室说明理由并指定复核人后办结"),
    (
        "alert correct",
        "更正预警，未填写的保持不变；各单位须重新签收",
    ),
    ("alert retract", "撤回预警，已告知的各单位均须签收"),
];

/// What arguments are for: path of the command, id, text.
pub(super) const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("alert", "alert", "预警：标识或资源名称"),
    ("alert", "text", "内容"),
    ("alert", "text_file", "内容文件（“-”为标准输入）"),
    ("alert", "reason", "理由"),
    ("alert", "page_size", "每页至多几条，默认由中枢决定"),
    ("alert", "page_token", "上一页末尾给出的标记"),
    ("alert", "all", "全部各页"),
    ("alert", "attach", "材料文件"),
    (
        "alert",
        "kind",
        "类别，须与指标一致：abnormal-movement 资金异动，overseas-donation 境外捐赠",
    ),
    ("alert", "indicator", "章程中的指标，如 flow_out_of_line"),
    ("alert", "from", "期间首日"),
    ("alert", "until", "期间末日"),
    ("alert", "band", "章程中的金额档，如 1m_10m"),
    ("alert", "currency", "金额档的币种（ISO 4217）"),
    (
        "alert",
        "direction",
        "资金流向：in 流入，out 流出，both 双向",
    ),
    (
        "alert",
        "severity",
        "等级：routine 一般，major 重大，emergency 紧急（立即发往全部成员单位，FS-023）",
    ),
    ("alert", "severity_reason", "定级理由"),
    (
        "alert",
        "grounds",
        "文字依据，不得含账号、交易、对手方（FS-051）",
    ),
    ("alert", "grounds_file", "依据文件（“-”为标准输入）"),
    ("alert", "source", "来源"),
    ("alert", "legal_basis", "法律依据"),
    (
        "alert",
        "asks",
        "对某单位的要求：单位=内容，单位可用标识、正式名称或别名；可重复",
    ),
    ("alert", "revision", "所签收或更正的版次；默认为现行版"),
    (
        "alert",
        "outbox",
        "放入发件箱而不立即发送；以中枢记录时为准",
    ),
    ("alert", "notice", "联合通报：预警/编号"),
    ("alert", "measure", "措施：预警/编号"),
    (
        "alert raise",
        "subject",
        "所涉组织：统一社会信用代码=登记名称",
    ),
    (
        "alert raise",
        "to",
        "仅发往该单位（须章程允许）；可重复；默认全部成员单位",
    ),
    (
        "alert raise",
        "key",
        "本方在发件箱中的编号；相同编号只发起一次",
    ),
    (
        "alert load",
        "file",
        "文件，UTF-8 编码（“-”为标准输入，须用 --format）",
    ),
    (
        "alert load",
        "format",
        "格式；默认按扩展名：.csv，或 .jsonl、.ndjson、.json",
    ),
    (
        "alert load",
        "check",
        "仅在本机检查文件，不连接中枢，不发起",
    ),
    ("alert load", "report", "将被拒绝的行写入该文件（CSV）"),
    ("alert load", "again", "此前已由文件发起的也再发起一次"),
    ("alert load", "in_flight", "同时发送几条"),
    (
        "alert list",
        "state",
        "仅某状态：circulated 待签收，under-handling 处理中，found 已有结论，closed 已办结，retracted 已撤回",
    ),
    ("alert list", "organization", "仅某组织（统一社会信用代码）"),
    (
        "alert list",
        "unacknowledged_by",
        "仅某单位尚未签收的；me 为本单位",
    ),
    ("alert show", "revision", "显示较早的某一版，从 1 起"),
    (
        "alert acknowledge",
        "action",
        "处理意见：checks 开展核查，no-action 不采取措施，needs-information 需补充信息，noted 已知悉（仅用于撤回）",
    ),
    (
        "alert notice draft",
        "units",
        "请其会签的单位：标识、正式名称或别名；至少两个",
    ),
    (
        "alert finding",
        "finding",
        "结论：substantiated 属实，unsubstantiated 不属实，referred 转其他程序",
    ),
    ("alert measure take", "due", "完成期限"),
    ("alert measure review", "review", "upheld 维持，lifted 解除"),
    (
        "alert close",
        "reviewer",
        "复核人：单位/经办人标识，不得为办结人本人",
    ),
    ("alert correct", "organization", "组织的登记名称；代码不变"),
];
