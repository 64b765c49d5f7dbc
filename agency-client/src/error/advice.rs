//! What to do next, per error, in the two languages of the command line.

use hub_core::reason::Reason;

use super::ClientError;

/// Language of what people read.
///
/// ```
/// use agency_client::Lang;
///
/// assert_eq!(Lang::default(), Lang::En);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// The text of this language.
    ///
    /// ```
    /// use agency_client::Lang;
    ///
    /// assert_eq!(Lang::Zh.pick("done", "完成"), "完成");
    /// ```
    #[must_use]
    pub const fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

/// What to do next.
pub(super) fn advice(error: &ClientError, lang: Lang) -> &'static str {
    let (en, zh) = match error {
        ClientError::Input { .. } => ("Correct the argument and try again.", "更正该参数后重试。"),
        ClientError::LocalFile { .. } => (
            "Check that the file named above exists, that this user may read or write it, and that \
             its contents are of the form that the message asks for.",
            "检查上述文件是否存在、当前用户能否读写，以及内容是否符合提示的格式。",
        ),
        ClientError::Signing(_) => (
            "Check the node key of the profile and the machine's random source.",
            "检查配置中的节点密钥和本机随机源。",
        ),
        ClientError::AsyncContext => (
            "Use agency_client::Client there, or make the call on a thread of its own.",
            "请在该处使用 agency_client::Client，或在单独的线程中调用。",
        ),
        ClientError::Refused(refusal) => match refusal.reason {
            Some(reason) => of_reason(reason),
            None => (
                "Check that client and hub are of the same release; give the message to the \
                 hub's operator.",
                "确认客户端与中枢版本一致，并将该信息告知中枢运维人员。",
            ),
        },
        ClientError::NodeRefused { .. } => (
            "Ask the office for a node certificate in force; a revoked or expired one cannot be \
             used again.",
            "向联络办公室申请有效的节点证书；已吊销或过期的证书不能再用。",
        ),
        ClientError::HubUntrusted { .. } => (
            "Send nothing. Compare the profile's endpoint, server_name and ca with those the \
             office handed out.",
            "请勿发送任何内容。核对配置中的 endpoint、server_name 和 ca 是否为联络办公室所发。",
        ),
        ClientError::Unreachable { .. } => (
            "Check the network and the profile's endpoint, then try again. For a publish, repeat the \
             same --request-id, or look at `agency notify list sent --newest-first` first: without \
             it the same text may be recorded twice. With --outbox it is kept and delivered once.",
            "检查网络和配置中的 endpoint 后重试。发布时请使用同一 --request-id，或先用 \
             agency notify list sent --newest-first 查看，否则同一内容可能重复记录；使用 --outbox \
             则会保存并只投递一次。",
        ),
        ClientError::Deadline { .. } => (
            "Try again with the same --request-id: if the first attempt was recorded, its receipt \
             comes back.",
            "使用同一 --request-id 重试：若首次已记录，将返回原回执。",
        ),
        ClientError::HistoryRewritten { .. } => (
            "Stop relying on this hub. Keep the state folder as evidence and call the office and \
             the auditors; do not delete the remembered checkpoint.",
            "立即停止依赖该中枢。保留状态目录作为证据，联系联络办公室和审计人员，切勿删除已存检查点。",
        ),
        ClientError::Verification(_) => (
            "Do not rely on the document. Fetch it again from the hub; if it still fails, give \
             it to the auditors.",
            "勿采信该文件。重新从中枢获取；若仍不通过，交审计人员处理。",
        ),
        ClientError::Gap { .. } => (
            "Do not acknowledge past the gap. Report the log and position to the hub's operator \
             and the auditors.",
            "不要确认缺口之后的内容；将日志名和位置报告中枢运维人员和审计人员。",
        ),
        ClientError::Protocol(_) => (
            "Check that client and hub are of the same release and report the message to the \
             hub's operator.",
            "确认客户端与中枢版本一致，并将该信息告知中枢运维人员。",
        ),
    };
    lang.pick(en, zh)
}

fn of_reason(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::NodeIdentityInvalid | Reason::NodeNotEnrolled | Reason::NodeExpired => (
            "Have the office issue and enrol a node certificate for this agency.",
            "请联络办公室为本单位签发并登记节点证书。",
        ),
        Reason::AgencyUnknown => (
            "The certificate names an agency that the hub's charter does not have: have the operator \
             correct the agency's id, or add the agency to the charter.",
            "证书中的单位不在中枢章程内：请运行方更正单位标识，或将该单位加入章程。",
        ),
        Reason::AgencyNotInForce => (
            "Check the membership's dates with `agency members list`; the office can add one.",
            "用 agency members list 核对成员期限；可由联络办公室增补。",
        ),
        Reason::NodeRevoked => (
            "This certificate is cut off for good; use another node or have one enrolled.",
            "该证书已永久停用；请使用其他节点或重新登记。",
        ),
        Reason::TokenMissing | Reason::TokenInvalid | Reason::TokenNotBound => (
            "Check token_kid, token_audience, officer and roles of the profile, and this \
             machine's clock.",
            "核对配置中的 token_kid、token_audience、officer、roles 以及本机时钟。",
        ),
        Reason::TokenExpired => (
            "Set this machine's clock: the client renews tokens by itself.",
            "校准本机时钟：客户端会自动更新令牌。",
        ),
        Reason::TokenKeyUnknown => (
            "Enrol the token key with `agency members keys enroll`, or correct token_kid.",
            "用 agency members keys enroll 登记令牌密钥，或更正 token_kid。",
        ),
        Reason::RoleNotGranted | Reason::PermissionDenied => (
            "See with `agency whoami` which roles are in force, then act under one that permits \
             it (--role) or ask the office.",
            "用 agency whoami 查看有效角色，以有权限的角色（--role）操作，或联系联络办公室。",
        ),
        Reason::AuthorSignatureInvalid => (
            "Check that key and certificate of the profile belong together.",
            "核对配置中的密钥与证书是否匹配。",
        ),
        Reason::InvalidArgument => (
            "Correct the fields named above and send again.",
            "更正上述字段后重新发送。",
        ),
        Reason::MembershipBasisMissing => (
            "Give the basis that the mechanism's charter demands: `agency members add` takes the \
             enforcement case with --case (JE-014) or the leading group's decision with --decision \
             (FS-013).",
            "提供该机制章程要求的依据：agency members add 用 --case 填写执法案件（JE-014），或用 \
             --decision 填写领导小组决定文号（FS-013）。",
        ),
        other => of_resource(other),
    }
}

fn of_resource(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::ClassificationRefused => (
            "Nothing was stored. Take the secret matter to the channel that is cleared for it.",
            "未存储任何内容。涉密事项请走保密渠道。",
        ),
        Reason::NotFound => (
            "Check the name with a list command: it does not exist, or is not addressed to this \
             agency.",
            "用列表命令核对名称：不存在，或未发送给本单位。",
        ),
        Reason::RequestIdReused => (
            "Use a new request id for new content; use the old one only to repeat the same call.",
            "新内容须用新的请求编号；旧编号仅用于重发同一请求。",
        ),
        Reason::RequestIdExpired => (
            "Look in the sent log whether it was recorded; if not, send it with a new request id.",
            "先在发件日志中查看是否已记录；若无，用新请求编号发送。",
        ),
        Reason::ContentSealed => (
            "The content's period is over and it was erased; use your own copy. For a new act, use a new request id.",
            "内容已过保存期并被清除；请用本单位留存的副本。新的行为须用新的请求编号。",
        ),
        Reason::CursorInvalid => (
            "Start again without the cursor or page token.",
            "去掉游标或分页标记，重新开始。",
        ),
        Reason::CursorBehind => (
            "Nothing to do: the consumer already stands further on (see `agency consumers`).",
            "无需处理：该消费者已在更后位置（见 agency consumers）。",
        ),
        Reason::NotificationSuperseded => (
            "Look at what took its place (`superseded_by`) and correct or retract that one.",
            "查看取代它的通知（superseded_by），对后者更正或撤回。",
        ),
        Reason::Conflict => ("Read again and retry.", "重新读取后再试。"),
        Reason::LimitExceeded => (
            "Send less at a time, or wait as long as the hub asks.",
            "减少单次数量，或按中枢提示等待后重试。",
        ),
        Reason::StorageFull => (
            "Nothing was recorded. Send the same again with the same --request-id once the hub's \
             operator has made room; reading goes on.",
            "未记录任何内容。待中枢运维人员腾出磁盘空间后，用同一 --request-id 重发；读取不受影响。",
        ),
        Reason::Unavailable => (
            "Try again shortly: the hub is starting, draining or busy.",
            "稍后重试：中枢正在启动、停机或繁忙。",
        ),
        other => of_procedure(other),
    }
}

/// What somebody else has to do, or has done, first.
fn of_procedure(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::LiaisonExists | Reason::LiaisonMismatch => (
            "Read the present liaison with `agency members list` and name it with --replaces.",
            "用 agency members list 查看现任联络员，并用 --replaces 指明。",
        ),
        Reason::MeetingState => (
            "Read the meeting again: it stands at another stage than this act needs, and the message \
             says what to do first.",
            "请重新读取会议：其当前阶段不允许该操作，提示信息说明了须先办理的事项。",
        ),
        Reason::RecordState => (
            "Read the record again: where it stands does not allow this act, and the message says what \
             it needs first.",
            "请重新读取该记录：其当前状态不允许该操作，提示信息说明了须先办理的事项。",
        ),
        Reason::MinutesNotAgreed => (
            "Read the minutes for who has not consented yet; issue them when all have, or draft a \
             new version that answers the objections.",
            "请查看纪要中尚未同意的单位；待全部同意后再印发，或另拟一稿回应异议。",
        ),
        Reason::AlreadyEnrolled => (
            "If it is the same certificate or key, nothing is to be done; a new key, or one after a \
             revocation, needs a new id (kid).",
            "若为同一证书或密钥，无需处理；新密钥或吊销后的密钥须使用新的标识（kid）。",
        ),
        Reason::MembershipExists | Reason::AlreadyRevoked => {
            ("Nothing to do: it is so already.", "无需处理：状态已如此。")
        }
        _ => (
            "Give the time of the call to the hub's operator: the cause is in the hub's log.",
            "将调用时间告知中枢运维人员：原因在中枢日志中。",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;

    #[test]
    fn every_reason_has_advice_in_both_languages() {
        for reason in Reason::ALL {
            let error = ClientError::Refused(Box::new(Refusal {
                reason: Some(*reason),
                reason_text: reason.as_str().into(),
                code: tonic::Code::Unknown,
                message: String::new(),
                violations: vec![],
                retry_after: None,
            }));
            let (en, zh) = (error.advice_in(Lang::En), error.advice_in(Lang::Zh));
            assert!(en.ends_with('.') && en.is_ascii(), "{reason}: {en}");
            assert!(zh.ends_with('。'), "{reason}: {zh}");
            let operator = en.contains("hub's log");
            assert_eq!(
                operator,
                *reason == Reason::Internal,
                "{reason} falls through"
            );
        }
    }
}
