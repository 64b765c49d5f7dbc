//! What may be published.

use std::path::Path;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_gets_it_at_the_next_position() {
    let world = World::start().await;
    let office = office(&world);
    for number in 1..=3 {
        let seen = publish(&office, notice("joint-enforcement", "通知")).await;
        assert_eq!(
            seen.name,
            format!("channels/joint-enforcement/notifications/{number}")
        );
        assert_eq!(seen.author, "agencies/civil-affairs");
        assert_eq!(seen.author_officer, "office-1");
        assert_eq!(seen.author_role, "office");
        assert!(seen.published_at.is_some());
    }
    let clerk = world.clerk("tax");
    assert_eq!(titles(&clerk, "channels/joint-enforcement").await.len(), 3);
    let heads = clerk.channels().list_channels().await.unwrap();
    let heads: Vec<_> = heads.iter().map(|one| one.head_position).collect();
    assert_eq!(heads, [0, 3, 0]);
    // Publishing there is the office's and the members', reading too.
    let outside = world.clerk("finance");
    let draft = filled(
        NotificationDraft::to_channel("joint-enforcement").category("coordination"),
        "x",
    );
    assert_eq!(
        reason(outside.channels().publish(draft).await),
        Reason::NotFound
    );
    let member = world.clerk("tax");
    let refused = member.channels().publish(notice("all-members", "x")).await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addressed_one_is_seen_by_author_and_addressees_only() {
    let world = World::start().await;
    let author = world.clerk("tax");
    let sent = publish(&author, addressed(&["finance", "health"], "协查")).await;
    assert_eq!(
        sent.name,
        format!("agencies/tax/notifications/{}", sent.request_id)
    );
    assert_eq!(sent.addressees, ["agencies/finance", "agencies/health"]);
    for agency in ["finance", "health"] {
        let client = world.clerk(agency);
        let inbox = format!("agencies/{agency}/inbox");
        assert_eq!(
            list(&client, &inbox).await.unwrap(),
            std::slice::from_ref(&sent)
        );
        let got = client.channels().notification(&sent.name).await.unwrap();
        assert_eq!(got.notification.unwrap(), sent);
        let refused = list(&client, "agencies/tax/sent").await;
        assert_eq!(reason(refused), Reason::NotFound);
    }
    assert_eq!(
        list(&author, "agencies/tax/sent").await.unwrap(),
        std::slice::from_ref(&sent)
    );
    for agency in ["civil-affairs", "pboc-branch", "leading-group-office"] {
        let client = world.clerk(agency);
        let refused = client.channels().notification(&sent.name).await;
        assert_eq!(reason(refused), Reason::NotFound, "{agency}");
        let own = format!("agencies/{agency}/inbox");
        assert_eq!(list(&client, &own).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_item_of_a_batch_is_named_and_none_is_recorded() {
    let world = World::start().await;
    let office = office(&world);
    let mut drafts: Vec<_> = (0..6)
        .map(|number| notice("all-members", &format!("第{number}号")))
        .collect();
    drafts[1] = drafts[1].clone().title("");
    drafts[3] = drafts[3]
        .clone()
        .subject("51100000500008957X", "某协会")
        .document_number("晋民函[2021]64号");
    drafts[5] = drafts[5].clone().category("no_such_category");
    let refused = office.channels().publish_batch(drafts.clone()).await;
    assert_eq!(
        fields(refused),
        [
            "requests[1].notification.title",
            "requests[3].notification.document_number",
            "requests[3].notification.subjects[0].uscc",
            "requests[5].notification.category"
        ]
    );
    assert_eq!(titles(&office, "channels/all-members").await.len(), 0);

    // An item that is not for this agency to send is named too, and so is a secret.
    let good = drafts[0].clone();
    let not_ours = filled(NotificationDraft::by_route("fund_referral"), "线索");
    let secret = notice("all-members", "密").classification(Classification::StateSecret);
    let batch = vec![good.clone(), not_ours.clone(), not_ours.clone()];
    let refused = office.channels().publish_batch(batch).await;
    assert_eq!(
        refused.as_ref().unwrap_err().reason(),
        Some(Reason::PermissionDenied)
    );
    let text = message(refused);
    assert!(text.contains("requests[1].notification.category"), "{text}");
    assert!(text.contains("requests[2].notification.category"), "{text}");
    let batch = vec![good.clone(), not_ours, drafts[1].clone(), secret];
    let refused = office.channels().publish_batch(batch).await;
    assert_eq!(
        refused.as_ref().unwrap_err().reason(),
        Some(Reason::ClassificationRefused)
    );
    let text = message(refused);
    assert!(
        text.starts_with("requests[3].notification.classification"),
        "{text}"
    );
    assert_eq!(titles(&office, "channels/all-members").await.len(), 0);

    // One id for two items of a batch is refused; a good batch has one receipt.
    let twice = vec![good.clone(), good.clone()];
    assert_eq!(
        reason(office.channels().publish_batch(twice).await),
        Reason::RequestIdReused
    );
    let mixed = vec![good, addressed(&["tax"], "另一件"), drafts[2].clone()];
    let answer = office
        .channels()
        .publish_batch(mixed)
        .await
        .unwrap()
        .response;
    let names: Vec<_> = answer.notifications.iter().map(|one| &one.name).collect();
    assert_eq!(names[0], "channels/all-members/notifications/1");
    assert!(names[1].starts_with("agencies/civil-affairs/notifications/"));
    assert_eq!(names[2], "channels/all-members/notifications/2");
    assert!(answer.notifications.iter().all(|one| one.body.is_empty()));
    assert_eq!(
        titles(&world.clerk("tax"), "agencies/tax/inbox").await,
        ["另一件"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_at_its_limit_is_taken() {
    let world = World::start().await;
    let office = office(&world);
    let drafts = (0..256).map(|number| notice("all-members", &format!("{number}")));
    let answer = office.channels().publish_batch(drafts.collect()).await;
    assert_eq!(answer.unwrap().response.notifications.len(), 256);
    assert_eq!(titles(&office, "channels/all-members").await.len(), 256);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_nothing_but_bad_items_gets_an_answer_that_fits() {
    let world = World::start().await;
    let bad = (0..256).map(|number| {
        notice("all-members", &format!("{number}"))
            .title("")
            .document_number("x")
            .category("no_such_category")
    });
    let refused = office(&world).channels().publish_batch(bad.collect()).await;
    let named = fields(refused);
    assert_eq!(named[0], "requests[0].notification.title");
    assert!(named.len() >= 20, "{}", named.len());
    let denied = (0..256).map(|_| filled(NotificationDraft::by_route("fund_referral"), "x"));
    let refused = office(&world)
        .channels()
        .publish_batch(denied.collect())
        .await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn x_005_a_secret_is_refused_and_nothing_of_it_is_stored() {
    let mut world = World::start().await;
    let office = office(&world);
    publish(&office, notice("all-members", "CONTROL-MARKER-4711")).await;
    for class in [Classification::WorkSecret, Classification::StateSecret] {
        let draft = notice("all-members", "SECRET-MARKER-0815")
            .text("SECRET-MARKER-0815 正文")
            .subject(USCC, "SECRET-MARKER-0815")
            .classification(class);
        let one = office.channels().publish(draft.clone()).await;
        assert_eq!(
            one.as_ref().unwrap_err().reason(),
            Some(Reason::ClassificationRefused)
        );
        let text = message(one);
        assert!(text.contains("X-005") && !text.contains("MARKER"), "{text}");
        let batch = vec![notice("all-members", "BESIDE-MARKER-1618"), draft];
        let batch = office.channels().publish_batch(batch).await;
        assert_eq!(reason(batch), Reason::ClassificationRefused);
    }
    let none = notice("all-members", "x").classification(Classification::Unspecified);
    assert_eq!(
        fields(office.channels().publish(none).await),
        ["notification.classification"]
    );
    world.stop().await;
    let data = world.site.data_dir();
    assert!(
        holds(&data, b"CONTROL-MARKER-4711"),
        "the scan sees what is stored"
    );
    assert!(!holds(&data, b"SECRET-MARKER-0815"));
    assert!(!holds(&data, b"BESIDE-MARKER-1618"));
}

/// Whether some file below a folder holds the bytes.
fn holds(dir: &Path, marker: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, marker);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(marker.len()).any(|window| window == marker)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subjects_code_is_checked_in_both_check_characters() {
    let world = World::start().await;
    let office = office(&world);
    let with = |code: &str| notice("all-members", "x").subject(code, "某协会");
    publish(&office, with(USCC)).await;
    // Character 18 wrong; then 17 wrong with 18 made to fit.
    let last = violations(office.channels().publish(with("51100000500008957X")).await);
    assert!(last[0].rule.contains("18"), "{last:?}");
    let inner = violations(office.channels().publish(with(&wrong_inner_check())).await);
    assert!(inner[0].rule.contains("17"), "{inner:?}");
    for code in [
        "",
        "51140700500058006Y0",
        "521407259O7764615Q",
        "51100000500008957y",
    ] {
        let refused = fields(office.channels().publish(with(code)).await);
        assert_eq!(refused, ["notification.subjects[0].uscc"], "{code}");
    }
    let unnamed = notice("all-members", "x").subject(USCC, " ");
    assert_eq!(
        fields(office.channels().publish(unnamed).await),
        ["notification.subjects[0].display_name"]
    );
}

/// The sample code with another character 17, and the character 18 that GB 32100-2015 then asks
/// for, computed here on its own.
fn wrong_inner_check() -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut code = USCC.as_bytes()[..17].to_vec();
    code[16] = if code[16] == b'3' { b'4' } else { b'3' };
    let mut weight = 1;
    let mut sum = 0;
    for byte in &code {
        let value = ALPHABET.iter().position(|one| one == byte).unwrap();
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    code.push(ALPHABET[(31 - sum % 31) % 31]);
    String::from_utf8(code).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_number_has_hexagonal_brackets() {
    let world = World::start().await;
    let office = office(&world);
    let with = |number: &str| notice("all-members", "x").document_number(number);
    let seen = publish(&office, with("晋民函〔2021〕64号")).await;
    assert_eq!(seen.document_number, "晋民函〔2021〕64号");
    for number in [
        "晋民函[2021]64号",
        "晋民函（2021）64号",
        "晋民函【2021】64号",
    ] {
        let refused = violations(office.channels().publish(with(number)).await);
        assert_eq!(refused[0].field, "notification.document_number");
        assert!(refused[0].rule.contains("〔〕"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_at_the_limit_and_one_past_it() {
    let world = World::start().await;
    let office = office(&world);
    let ok = async |draft| drop(publish(&office, draft).await);
    let refused = async |draft| fields(office.channels().publish(draft).await);
    let plain = || notice("all-members", "x");
    ok(plain().title("题".repeat(200))).await;
    assert_eq!(
        refused(plain().title("题".repeat(201))).await,
        ["notification.title"]
    );
    assert_eq!(
        refused(plain().title("两\n行")).await,
        ["notification.title"]
    );
    let body = |bytes: usize| plain().body(vec![7; bytes], "application/octet-stream");
    ok(body(262_144)).await;
    assert_eq!(refused(body(262_145)).await, ["notification.body"]);
    let subjects =
        |count: usize| (0..count).fold(plain(), |draft, _| draft.subject(USCC, "某协会"));
    ok(subjects(50)).await;
    assert_eq!(refused(subjects(51)).await, ["notification.subjects"]);
    let bases = |count: usize| (0..count).fold(plain(), |draft, _| draft.legal_basis("依据"));
    ok(bases(20)).await;
    assert_eq!(refused(bases(21)).await, ["notification.legal_bases"]);
    ok(plain().legal_basis("据".repeat(500))).await;
    assert_eq!(
        refused(plain().legal_basis("据".repeat(501))).await,
        ["notification.legal_bases[0]"]
    );
    ok(plain().remedy("救".repeat(500))).await;
    assert_eq!(
        refused(plain().remedy("救".repeat(501))).await,
        ["notification.remedy"]
    );
    let media = |length: usize| plain().body("x", format!("a/{}", "b".repeat(length - 2)));
    ok(media(127)).await;
    assert_eq!(refused(media(128)).await, ["notification.media_type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn je_041_a_decision_notice_is_the_leads_alone_and_carries_basis_remedy_and_subject() {
    let world = World::start().await;
    let bare = || {
        filled(
            NotificationDraft::to(["tax", "health"]).category("decision_notice"),
            "撤销登记",
        )
    };
    let office = world.clerk("civil-affairs");
    assert_eq!(
        fields(office.channels().publish(bare()).await),
        [
            "notification.legal_bases",
            "notification.remedy",
            "notification.subjects"
        ]
    );
    let whole = || {
        bare()
            .legal_basis("《社会团体登记管理条例》第三十条")
            .remedy("可在六十日内申请行政复议，或在六个月内提起行政诉讼")
            .subject(USCC, "某协会")
    };
    let seen = publish(&office, whole()).await;
    assert_eq!(seen.addressees, ["agencies/tax", "agencies/health"]);
    for agency in ["tax", "public-security", "leading-group-office"] {
        let refused = world.clerk(agency).channels().publish(whole()).await;
        assert_eq!(
            refused.as_ref().unwrap_err().reason(),
            Some(Reason::PermissionDenied)
        );
        assert!(message(refused).contains("decision_notice"));
    }
    let nobody: [&str; 0] = [];
    let mut alone = filled(
        NotificationDraft::to(nobody).category("decision_notice"),
        "x",
    );
    alone = alone.legal_basis("据").remedy("救").subject(USCC, "某协会");
    assert_eq!(
        fields(office.channels().publish(alone).await),
        ["notification.addressees"]
    );
    let mut channel = filled(
        NotificationDraft::to_channel("joint-enforcement").category("decision_notice"),
        "x",
    );
    channel = channel
        .legal_basis("据")
        .remedy("救")
        .subject(USCC, "某协会");
    assert_eq!(
        fields(office.channels().publish(channel).await),
        ["notification.channel"]
    );
}
