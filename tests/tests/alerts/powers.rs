//! Who may do what: each power under the wrong unit and under the wrong role.

use hub_proto::{
    channels::Classification,
    funds::{AlertAction, CloseAlertRequest, CloseAlertResponse, Closing, FindingKind},
};
use hub_tests::{
    World,
    alerts::{self, BANK, UNITS},
    meetings,
    raw::{Session, fields, reason, requests::request_id},
};

const DENIED: &str = "PERMISSION_DENIED";

#[tokio::test]
async fn x_009_only_the_central_bank_branchs_analyst_raises_corrects_and_retracts() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let acts = world.acts();
    for agency in world.site.agencies() {
        for role in world.site.charter().roles() {
            let is_able = agency == BANK && role.id().as_str() == "analyst";
            let id = agency.parse().unwrap();
            if is_able || !role.is_granted_to(&id) {
                continue;
            }
            let role = role.id().as_str();
            let session = Session::new(&world, &agency, "somebody", &[role]);
            let refused = alerts::raise(&session, alerts::draft(&world)).await;
            assert_eq!(reason(&refused.unwrap_err()), DENIED, "{agency} {role}");
            for refused in [
                alerts::correct(&session, &alert.name, 1, alerts::draft(&world)).await,
                alerts::retract(&session, &alert.name).await,
                alerts::inform(&session, &alert.name, "补充").await,
            ] {
                let refused = reason(&refused.unwrap_err());
                let expected = [DENIED, "NOT_FOUND"];
                assert!(expected.contains(&&*refused), "{agency} {role}: {refused}");
            }
        }
    }
    assert_eq!(world.acts(), acts);
    // A role that the charter does not give to an agency helps nobody.
    let forged = Session::new(&world, "tax", "somebody", &["analyst"]);
    let refused = alerts::raise(&forged, alerts::draft(&world)).await;
    assert_eq!(reason(&refused.unwrap_err()), "ROLE_NOT_GRANTED");
}

#[tokio::test]
async fn x_009_only_the_office_closes_and_only_units_handle() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let tax = meetings::clerk(&world, "tax");
    alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    alerts::find(&tax, &alert.name, FindingKind::Unsubstantiated)
        .await
        .unwrap();
    for (agency, role) in [
        ("tax", "leader"),
        ("civil-affairs", "leader"),
        ("civil-affairs", "clerk"),
        (BANK, "analyst"),
        (BANK, "leader"),
    ] {
        let session = Session::new(&world, agency, "somebody", &[role]);
        let refused = alerts::close(&session, &alert.name).await.unwrap_err();
        assert_eq!(reason(&refused), DENIED, "{agency} {role}");
    }
    // The office coordinates; it does not find, and takes no measures.
    let office = meetings::office(&world);
    let today = alerts::today(&world);
    for refused in [
        alerts::acknowledge(&office, &alert.name, 1, AlertAction::Checks).await,
        alerts::find(&office, &alert.name, FindingKind::Substantiated).await,
        alerts::take(&office, &alert.name, today).await,
    ] {
        assert_eq!(reason(&refused.unwrap_err()), DENIED);
    }
    // The bank does not acknowledge its own alert.
    let bank = meetings::leader(&world, BANK);
    let own = alerts::acknowledge(&bank, &alert.name, 1, AlertAction::Checks).await;
    assert_eq!(reason(&own.unwrap_err()), DENIED);
    let own = CloseAlertRequest {
        name: alert.name.clone(),
        closing: Some(Closing {
            reviewer: "office-1".into(),
            ..alerts::closing()
        }),
        request_id: request_id(),
    };
    let refused = office
        .ask::<CloseAlertResponse>(hub_tests::alerts!("CloseAlert"), &own)
        .await;
    assert_eq!(fields(&refused.unwrap_err()), ["closing.reviewer"]);
    alerts::close(&office, &alert.name).await.unwrap();
}

#[tokio::test]
async fn x_009_an_alert_to_a_few_without_the_office_is_coordinated_by_who_raised_it() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let few = alerts::named(&world, &["tax", "finance"]);
    let alert = alerts::raise(&bank, few).await.unwrap();
    let office = meetings::office(&world);
    let hidden = alerts::close(&office, &alert.name).await.unwrap_err();
    assert_eq!(reason(&hidden), "NOT_FOUND");
    for unit in ["tax", "finance"] {
        let clerk = meetings::clerk(&world, unit);
        alerts::acknowledge(&clerk, &alert.name, 1, AlertAction::NoAction)
            .await
            .unwrap();
    }
    let close = |agency: &str| CloseAlertRequest {
        name: alert.name.clone(),
        closing: Some(Closing {
            reason: "予以办结".into(),
            reviewer_agency: format!("agencies/{agency}"),
            reviewer: "somebody-else".into(),
            ..Closing::default()
        }),
        request_id: request_id(),
    };
    let method = hub_tests::alerts!("CloseAlert");
    let outside: Result<CloseAlertResponse, _> = bank.ask(method, &close("civil-affairs")).await;
    let outside = outside.unwrap_err();
    assert_eq!(
        fields(&outside),
        ["closing.reviewer_agency"],
        "it may not see it"
    );
    let closed: CloseAlertResponse = bank.ask(method, &close(BANK)).await.unwrap();
    assert_eq!(closed.alert.unwrap().closings.len(), 1);
}

#[tokio::test]
async fn x_005_a_secret_is_refused_with_instructions_and_nothing_of_it_is_stored() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let head = world.hub().engine().store().head();
    for secret in [Classification::WorkSecret, Classification::StateSecret] {
        let mut draft = alerts::draft(&world);
        draft.classification = secret.into();
        let refused = alerts::raise(&bank, draft).await.unwrap_err();
        assert_eq!(reason(&refused), "CLASSIFICATION_REFUSED");
        assert!(refused.message().contains("X-005"), "{refused}");
    }
    let mut draft = alerts::draft(&world);
    draft.classification = 0;
    let unsaid = alerts::raise(&bank, draft).await.unwrap_err();
    assert_eq!(fields(&unsaid), ["alert.classification"]);
    assert_eq!(world.hub().engine().store().head(), head);
}

#[tokio::test]
async fn fs_051_no_text_of_an_act_takes_the_number_of_an_account() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let bank = alerts::analyst(&world);
    let number = "6222021001001234567";
    let refused = alerts::inform(&bank, &alert.name, number)
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["text"]);
    assert!(refused.message().contains("FS-051"), "{refused}");
    let mut draft = alerts::draft(&world);
    draft.grounds = format!("账户{number}");
    let refused = alerts::raise(&bank, draft).await.unwrap_err();
    assert_eq!(fields(&refused), ["alert.grounds"]);
    assert_eq!(UNITS.len(), alert.units.len());
}
