//! Shanxi's charter against the catalogue of requirements; tests carry its ids.

mod fund;
mod meetings;
mod reads;
mod referrals;
mod requests;
mod rules;
mod who_notifies_whom;

use std::{collections::BTreeSet, path::PathBuf};

use hub_core::names::Recipient;
use jiff::civil::date;

use super::*;

/// The text of `charters/shanxi.toml`.
const SHANXI: &str = include_str!("../../../charters/shanxi.toml");

/// The text of a second province's charter.
const OTHER: &str = include_str!("../../testdata/charter-other-province.toml");

/// A day under the charter as issued.
const DAY: Date = date(2024, 5, 6);

/// Shanxi's charter.
fn shanxi() -> Charter {
    Charter::parse(SHANXI, "shanxi.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

/// Parses an id that is known to be one.
fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Whether the charter makes an agency a member on [`DAY`].
fn is_member(charter: &Charter, mechanism: &MechanismId, agency: &AgencyId) -> bool {
    let mechanism = charter.mechanism(mechanism).unwrap();
    mechanism.members_on(DAY).any(|one| one.agency == *agency)
}

/// Ids of a mechanism's members on [`DAY`], in official order.
fn members<'a>(charter: &'a Charter, mechanism: &str) -> Vec<&'a str> {
    charter
        .mechanism(&id(mechanism))
        .unwrap()
        .members_on(DAY)
        .map(|member| member.agency.as_str())
        .collect()
}

#[test]
fn je_001_one_document_carries_both_mechanisms() {
    let charter = shanxi();
    assert_eq!(
        charter.document_number().to_string(),
        "晋社管组发〔2021〕2号"
    );
    assert_eq!(charter.mechanisms().len(), 2);
    for mechanism in charter.mechanisms() {
        assert_eq!(mechanism.document_number(), charter.document_number());
    }
}

#[test]
fn je_002_adopted_then_issued() {
    let charter = shanxi();
    assert!(charter.adopted_at_meeting().contains("第一次会议"));
    assert_eq!(charter.issued_on(), date(2021, 2, 23));
    for mechanism in charter.mechanisms() {
        for member in mechanism.members() {
            assert_eq!(member.period.from_on, Some(charter.issued_on()));
        }
    }
}

#[test]
fn je_005_both_basis_documents_are_listed() {
    let charter = shanxi();
    let listed: Vec<String> = charter
        .legal_basis()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listed, ["中办发〔2016〕46号", "晋办发〔2017〕61号"]);
}

#[test]
fn je_010_both_mechanisms_answer_to_the_leading_group() {
    let charter = shanxi();
    let found = charter
        .find_agency("省社会组织管理工作领导小组", DAY)
        .unwrap();
    for mechanism in charter.mechanisms() {
        assert_eq!(mechanism.parent_body(), found.id());
        assert!(mechanism.member(found.id()).is_none());
    }
}

#[test]
fn je_011_exactly_one_lead() {
    for mechanism in shanxi().mechanisms() {
        let leads: Vec<&str> = mechanism
            .members()
            .iter()
            .filter(|member| member.role == MemberRole::Lead)
            .map(|member| member.agency.as_str())
            .collect();
        assert_eq!(leads, ["civil-affairs"]);
        assert_eq!(mechanism.lead().as_str(), "civil-affairs");
    }
}

#[test]
fn je_012_thirteen_units_in_official_order() {
    let charter = shanxi();
    let printed: Vec<&str> = charter
        .mechanism(&id("joint-enforcement"))
        .unwrap()
        .members_on(charter.issued_on())
        .map(|member| {
            charter
                .agency(&member.agency)
                .unwrap()
                .name_on(charter.issued_on())
        })
        .collect();
    assert_eq!(
        printed,
        [
            "省民政厅",
            "省委宣传部",
            "省委政法委",
            "省委网信办",
            "省教育厅",
            "省公安厅",
            "省人力资源和社会保障厅",
            "省文化和旅游厅",
            "省卫生健康委",
            "省市场监管局",
            "省外事办",
            "省国家安全厅",
            "省税务局",
        ]
    );
    let ids = members(&charter, "joint-enforcement");
    assert!(!ids.contains(&"finance") && !ids.contains(&"pboc-branch"));
}

#[test]
fn je_013_either_name_of_the_cyberspace_office_finds_one_unit() {
    let charter = shanxi();
    for name in [
        "省委网信办",
        "省互联网信息办公室",
        "省委网信办（省互联网信息办公室）",
        "cyberspace",
        " 省委网信办 ",
    ] {
        let found = charter.find_agency(name, DAY).unwrap();
        assert_eq!(found.id().as_str(), "cyberspace", "{name}");
    }
    assert_eq!(charter.find_agency("网信", DAY), None, "no part of a name");
    let units = members(&charter, "joint-enforcement");
    assert_eq!(units.iter().filter(|one| **one == "cyberspace").count(), 1);
    assert_eq!(units.len(), 13);
}

#[test]
fn je_014_fs_013_only_joint_enforcement_adds_members_for_a_case() {
    let charter = shanxi();
    let addition = |mechanism| {
        charter
            .mechanism(&id(mechanism))
            .unwrap()
            .membership_addition()
    };
    assert_eq!(addition("joint-enforcement").basis, AdditionBasis::Case);
    assert_eq!(addition("joint-enforcement").source, "JE-014");
    assert_eq!(
        addition("fund-supervision").basis,
        AdditionBasis::LeadingGroupDecision
    );
    assert_eq!(addition("fund-supervision").source, "FS-013");
}

#[test]
fn je_020_office_grants_are_with_the_host_alone() {
    let charter = shanxi();
    for mechanism in charter.mechanisms() {
        assert_eq!(mechanism.office().host.as_str(), "civil-affairs");
        assert_eq!(mechanism.office().bureau, "社会组织管理局");
    }
    for agency in charter.agencies() {
        let has_office_grant = charter
            .roles()
            .iter()
            .filter(|role| role.is_granted_to(agency.id()))
            .any(|role| role.actions().iter().any(|action| action.is_for_office()));
        assert_eq!(has_office_grant, agency.id().as_str() == "civil-affairs");
    }
}

#[test]
fn je_026_the_director_is_the_deputy_head_in_charge() {
    for mechanism in shanxi().mechanisms() {
        assert_eq!(mechanism.office().director_post, "分管副厅长");
    }
}

/// Shanxi's charter with directors of both offices: the same two persons, one after the other.
fn with_directors() -> String {
    let post = "director_post = \"分管副厅长\"\n";
    let director = |officer: &str, days: &str| {
        format!(
            "  {{ agency = \"civil-affairs\", officer = \"{officer}\", display_name = \"某甲\", \
             post = \"分管副厅长\", {days} }},\n"
        )
    };
    let first = director("director-1", "from_on = 2021-02-23, until_on = 2024-05-01");
    let second = director("director-2", "from_on = 2024-05-01");
    SHANXI.replace(post, &format!("{post}directors = [\n{first}{second}]\n"))
}

#[test]
fn je_026_one_person_may_direct_both_offices_and_each_has_one_at_a_time() {
    let charter = Charter::parse(&with_directors(), "shanxi.toml").unwrap();
    for mechanism in charter.mechanisms() {
        let on = |year, month, day| {
            let day = jiff::civil::date(year, month, day);
            let director = mechanism.office().director_on(day);
            director.map(|director| director.officer.as_str())
        };
        assert_eq!(on(2021, 2, 22), None);
        assert_eq!(on(2024, 4, 30), Some("director-1"));
        assert_eq!(on(2024, 5, 1), Some("director-2"));
    }
    let broken = |from: &str, to: &str| {
        let text = with_directors().replacen(from, to, 1);
        let errors = Charter::parse(&text, "broken.toml").unwrap_err().errors;
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(errors[0].rule.contains("JE-026"), "{:?}", errors[0]);
        errors[0].path.clone()
    };
    let path = |field: &str| format!("mechanisms[0].office.directors{field}");
    assert_eq!(
        broken(
            "\"civil-affairs\", officer = \"director-1\"",
            "\"tax\", officer = \"director-1\""
        ),
        path("[0].agency")
    );
    assert_eq!(
        broken("post = \"分管副厅长\", from", "post = \"处长\", from"),
        path("[0].post")
    );
    assert_eq!(
        broken("until_on = 2024-05-01", "until_on = 2024-05-02"),
        path("[1]")
    );
}

#[test]
fn je_027_one_liaison_of_division_rank() {
    let charter = shanxi();
    for mechanism in charter.mechanisms() {
        assert_eq!(mechanism.liaison().rank, LiaisonRank::Division);
        assert!(mechanism.liaison().is_single);
    }
    let liaison = charter.role(&id("liaison")).unwrap();
    assert_eq!(liaison.binding(), Some(Binding::AppointedLiaison));
    assert!(liaison.grants(Action::NotificationsSignFor));
    assert!(
        !charter
            .role(&id("clerk"))
            .unwrap()
            .grants(Action::NotificationsSignFor)
    );
}

#[test]
fn je_028_a_liaison_change_goes_to_the_office_of_its_mechanism() {
    let charter = shanxi();
    for mechanism in charter.mechanisms() {
        let category = charter
            .category(mechanism.liaison().change_category.as_str())
            .unwrap();
        assert_eq!(
            category.route().resolve(None, &[]),
            Ok(Destination::Recipients(vec![Recipient::Office(
                mechanism.id().clone()
            )]))
        );
    }
}

#[test]
fn je_029_two_offices_share_a_name_and_stay_two() {
    let charter = shanxi();
    let [first, second] = charter.mechanisms() else {
        panic!("two mechanisms");
    };
    assert_eq!(first.office().names, ["联合执法机制办公室", "联络办公室"]);
    assert_eq!(
        second.office().names,
        ["资金监管机制联络办公室", "联络办公室"]
    );
    assert_ne!(
        Recipient::Office(first.id().clone()),
        Recipient::Office(second.id().clone())
    );
}

#[test]
fn je_051_to_055_duties_are_as_each_clause_states_them() {
    let charter = shanxi();
    let mechanism = charter.mechanism(&id("joint-enforcement")).unwrap();
    let (yes, not_stated) = (Some(Duty::Yes), Some(Duty::NotStated));
    for (agency, notice, assist, source) in [
        ("education", yes, yes, "JE-051"),
        ("human-resources", yes, yes, "JE-052"),
        ("culture-tourism", not_stated, yes, "JE-053"),
        ("health", not_stated, yes, "JE-054"),
        ("market-regulation", yes, not_stated, "JE-055"),
    ] {
        let member = mechanism.member(&id(agency)).unwrap();
        assert_eq!(
            (member.notice_duty, member.assist_duty),
            (notice, assist),
            "{agency}"
        );
        assert_eq!(member.duty_source.as_deref(), Some(source));
        let sends = charter
            .category("own_field_action")
            .unwrap()
            .admits_sender(&id(agency), |_| true);
        assert_eq!(sends, notice == yes, "{agency}");
    }
}

#[test]
fn je_076_fifteen_distinct_units_four_of_them_shared() {
    let charter = shanxi();
    let first: BTreeSet<&str> = members(&charter, "joint-enforcement").into_iter().collect();
    let second: BTreeSet<&str> = members(&charter, "fund-supervision").into_iter().collect();
    assert_eq!(first.union(&second).count(), 15);
    let shared: Vec<&str> = first.intersection(&second).copied().collect();
    assert_eq!(
        shared,
        ["civil-affairs", "public-security", "state-security", "tax"]
    );
    assert_eq!(
        charter.agencies().len(),
        16,
        "and the leading group's office"
    );
}

#[test]
fn fs_010_six_units() {
    assert_eq!(
        members(&shanxi(), "fund-supervision"),
        [
            "civil-affairs",
            "public-security",
            "finance",
            "state-security",
            "tax",
            "pboc-branch"
        ]
    );
}

#[test]
fn fs_011_dated_names() {
    let charter = shanxi();
    let branch = charter.agency(&id("pboc-branch")).unwrap();
    let (old, new) = ("中国人民银行太原中心支行", "中国人民银行山西省分行");
    assert_eq!(branch.name_on(date(2022, 6, 1)), old);
    assert_eq!(branch.name_on(date(2023, 8, 17)), old);
    assert_eq!(branch.name_on(date(2023, 8, 18)), new);
    assert_eq!(branch.name_on(date(2024, 1, 1)), new);
    for on in [date(2022, 6, 1), date(2024, 1, 1)] {
        assert_eq!(charter.find_agency(old, on), Some(branch));
        assert_eq!(charter.find_agency(new, on), Some(branch));
    }
}

#[test]
fn fs_054_overseas_donation_is_a_kind_of_its_own() {
    let charter = shanxi();
    let of_kind = |kind| {
        let all = charter.alert_indicators().iter();
        all.filter(|one| one.kind == kind).count()
    };
    assert_eq!(of_kind(IndicatorKind::OverseasDonation), 1);
    assert_eq!(of_kind(IndicatorKind::AbnormalMovement), 8);
}

#[test]
fn legal_bases_need_two_officers_and_unverified_ones_say_so() {
    let charter = shanxi();
    let is_account = |basis: &&LegalBasis| basis.kind == BasisKind::AccountInformation;
    let accounts: Vec<&LegalBasis> = charter.legal_bases().iter().filter(is_account).collect();
    assert_eq!((accounts.len(), charter.legal_bases().len()), (4, 6));
    for basis in accounts {
        assert!(basis.requester.is_some() && basis.approval_level.is_some());
        assert_eq!(basis.is_charity_only, basis.id == "civil_affairs_charity");
        assert!(basis.officers_min >= 2, "{}", basis.id);
        assert_eq!(
            basis.basis.is_empty(),
            basis.is_named_in_instrument,
            "{}",
            basis.id
        );
        assert_eq!(basis.mark == Mark::Unverified, basis.id == "tax_collection");
    }
}

#[test]
fn deadlines_of_order_809() {
    let charter = shanxi();
    let find = |id: &str| charter.deadlines().iter().find(|one| one.id == id).unwrap();
    let conditional = find("answer_conditional");
    assert_eq!(
        (conditional.amount, conditional.extension_amount),
        (10, Some(10))
    );
    assert_eq!(conditional.unit, TimeUnit::WorkingDay);
    assert_eq!(find("answer_unconditional").amount, 1);
    assert_eq!(find("records_retention").unit, TimeUnit::Year);
}

#[test]
fn x_001_a_second_province_needs_no_code() {
    let charter = Charter::parse(OTHER, "other.toml").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(charter.province(), "某省");
    assert_eq!(charter.zone().iana_name(), Some("Asia/Urumqi"));
    assert_eq!(charter.mechanisms().len(), 2);
    let inspection = charter.mechanism(&id("inspection")).unwrap();
    assert_eq!(inspection.lead().as_str(), "registry");
    assert_eq!(inspection.office().host.as_str(), "sports");
    assert_eq!(inspection.members_on(date(2024, 12, 31)).count(), 2);
    assert_eq!(inspection.members_on(date(2025, 1, 1)).count(), 1);
    assert_ne!(charter.sha256(), shanxi().sha256());
}

#[test]
fn x_004_soft_words_only_warn() {
    let charter = shanxi();
    for category in charter.categories() {
        if let Some(word) = category.trigger_word() {
            let is_soft_word = charter.soft_words().iter().any(|soft| soft == word);
            assert_eq!(category.is_soft(), is_soft_word, "{}", category.id());
        }
        assert_eq!(
            category.warn_after_working_days(),
            None,
            "no invented limit"
        );
    }
}

#[test]
fn x_006_the_analyst_publishes_nowhere() {
    let charter = shanxi();
    let analyst: RoleId = id("analyst");
    for channel in charter.channels() {
        let publishes = channel
            .publishers()
            .matches(&id("pboc-branch"), [&analyst], |_| true);
        assert!(!publishes, "{}", channel.id());
    }
}

/// Agencies that a channel admits under some roles, on [`DAY`].
fn admitted<'a>(charter: &'a Charter, audience: &Audience, roles: &[&str]) -> BTreeSet<&'a str> {
    let roles: Vec<RoleId> = roles.iter().map(|role| id(role)).collect();
    charter
        .agencies()
        .iter()
        .map(Agency::id)
        .filter(|agency| {
            let held: Vec<&RoleId> = roles
                .iter()
                .filter(|role| charter.role(role).unwrap().is_granted_to(agency))
                .collect();
            audience.matches(agency, held, |mechanism| {
                is_member(charter, mechanism, agency)
            })
        })
        .map(AgencyId::as_str)
        .collect()
}

#[test]
fn channels_admit_members_and_no_one_else() {
    let charter = shanxi();
    let everyone: BTreeSet<&str> = charter
        .agencies()
        .iter()
        .map(|one| one.id().as_str())
        .collect();
    let set = |mechanism| {
        members(&charter, mechanism)
            .into_iter()
            .collect::<BTreeSet<_>>()
    };
    let channel = |text: &str| charter.channel(&id(text)).unwrap();

    let all = channel("all-members");
    assert_eq!(admitted(&charter, all.audience(), &["clerk"]), everyone);
    assert_eq!(
        admitted(&charter, all.publishers(), &["clerk", "publisher"]),
        BTreeSet::new()
    );
    assert_eq!(
        admitted(&charter, all.publishers(), &["office"]),
        BTreeSet::from(["civil-affairs"])
    );
    for mechanism in ["joint-enforcement", "fund-supervision"] {
        let channel = channel(mechanism);
        assert_eq!(channel.mechanism(), Some(&id(mechanism)));
        assert_eq!(
            admitted(&charter, channel.audience(), &["clerk"]),
            set(mechanism)
        );
        assert_eq!(
            admitted(&charter, channel.publishers(), &["clerk"]),
            set(mechanism)
        );
        let none = admitted(
            &charter,
            channel.audience(),
            &["node-admin", "roster-admin", "auditor"],
        );
        assert_eq!(none, BTreeSet::new());
        assert!(channel.audience().includes(&id("health"), |_| true));
        assert!(!channel.audience().includes(&id("health"), |_| false));
    }
}

#[test]
fn check_writes_a_summary_or_every_error() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut out = vec![];
    assert!(check_command(&folder.join("../charters/shanxi.toml"), &mut out).unwrap());
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("every rule holds"), "{text}");
    let columns = |first: &str| -> Vec<&str> {
        let line = text.lines().find(|line| line.starts_with(first)).unwrap();
        line.split_whitespace().collect()
    };
    assert_eq!(
        columns("joint-enforcement")[2..],
        ["13", "civil-affairs", "JE-014"]
    );
    assert_eq!(
        columns("fund-supervision")[2..],
        ["6", "civil-affairs", "FS-013"]
    );
    assert_eq!(columns("agencies"), ["agencies", "16"]);

    let broken = tempfile::NamedTempFile::new().unwrap();
    let text = SHANXI
        .replace("host = \"civil-affairs\"", "host = \"nobody\"")
        .replace("adopted_at_meeting", "# adopted_at_meeting");
    std::fs::write(broken.path(), text).unwrap();
    let mut out = vec![];
    assert!(!check_command(broken.path(), &mut out).unwrap());
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(
        text.contains("JE-002")
            && text.ends_with("3 rules broken; this charter cannot be set in force\n")
    );

    let mut out = vec![];
    assert!(!check_command(&folder.join("no-such-file.toml"), &mut out).unwrap());
    assert!(String::from_utf8(out).unwrap().contains("cannot be read"));
}

/// Every member of both mechanisms has at least one duty, and each duty names its clause.
#[test]
fn je_030_every_member_has_duties_with_their_clauses() {
    let charter = shanxi();
    let mut own = 0;
    for mechanism in charter.mechanisms() {
        for member in &mechanism.members {
            let duties: Vec<_> = mechanism.duties_of(&member.agency).collect();
            assert!(duties.len() >= 4, "{}", member.agency);
            own += duties.iter().filter(|one| !one.agencies.is_empty()).count();
            for one in duties {
                let prefix = &one.source[..3];
                assert!(prefix == "JE-" || prefix == "FS-", "{one:?}");
            }
        }
    }
    assert_eq!(own, 16, "duties of some");
    let joint = charter.mechanism(&id("joint-enforcement")).unwrap();
    let texts = |agency: &str| {
        let agency = id(agency);
        let sources = joint.duties_of(&agency).map(|one| one.source.clone());
        sources.collect::<Vec<_>>()
    };
    assert!(texts("foreign-affairs").contains(&"JE-056".to_owned()));
    assert!(!texts("publicity").contains(&"JE-056".to_owned()));
}
