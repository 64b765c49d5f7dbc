//! Who may do what: every act by every unit but the one whose it is, and under every wrong role.

use hub_tests::{
    meetings,
    raw::{Session, reason},
    referrals::{self, Act},
};

use crate::Stage;

/// States in which each act is allowed to its side, so that a refusal is about who acts.
fn before(act: &Act) -> Vec<Act> {
    match act {
        Act::Acknowledge(_) | Act::Correct(_) | Act::Withdraw | Act::Add => vec![],
        Act::TakeUp | Act::Decline | Act::Return | Act::Ask => vec![Act::Acknowledge(1)],
        Act::FeedBack(_) => vec![Act::Acknowledge(1), Act::TakeUp],
        Act::Close => vec![Act::Acknowledge(1), Act::Decline],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x_009_every_act_is_one_sides_and_every_other_unit_finds_nothing() {
    let stage = Stage::set().await;
    let missing = format!("referrals/{}", agency_client::request_id());
    for act in Act::ALL {
        let name = stage.send().await;
        stage.run(&name, &before(&act)).await;
        let acts = stage.world.acts();
        for agency in stage.world.site.agencies() {
            let session = meetings::leader(&stage.world, &agency);
            let is_side = ["pboc-branch", "public-security"].contains(&agency.as_str());
            if is_side {
                continue;
            }
            // The same bytes as of what does not exist.
            let refused = referrals::act(&session, &name, &act).await.unwrap_err();
            let absent = referrals::act(&session, &missing, &act).await.unwrap_err();
            assert_eq!(reason(&refused), "NOT_FOUND", "{agency} {act:?}");
            assert_eq!(
                refused.message().replace(&name, "#"),
                absent.message().replace(&missing, "#")
            );
            assert_eq!(refused.code(), absent.code());
        }
        // The other side may not do it, under whatever role.
        let other = if act.is_senders() {
            "public-security"
        } else {
            "pboc-branch"
        };
        let wrong_side = meetings::leader(&stage.world, other);
        let refused = referrals::act(&wrong_side, &name, &act).await.unwrap_err();
        assert_eq!(reason(&refused), "PERMISSION_DENIED", "{act:?}");
        // Nor may its own officers under a role without the grant.
        let own = if act.is_senders() {
            "pboc-branch"
        } else {
            "public-security"
        };
        for (role, because) in [
            ("clerk", "PERMISSION_DENIED"),
            ("publisher", "NOT_FOUND"),
            ("node-admin", "NOT_FOUND"),
            ("access-auditor", "NOT_FOUND"),
        ] {
            let session = Session::new(&stage.world, own, "somebody", &[role]);
            let refused = referrals::act(&session, &name, &act).await.unwrap_err();
            assert_eq!(reason(&refused), because, "{role} {act:?}");
        }
        assert_eq!(stage.world.acts(), acts, "nothing was done");
        // And its side may.
        stage.run(&name, &[act]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_neither_the_office_nor_the_leading_group_reads_or_lists_it() {
    let stage = Stage::set().await;
    let name = stage.send().await;
    for (agency, roles) in [
        ("civil-affairs", &["office"][..]),
        (
            "civil-affairs",
            &["leader", "clerk", "office", "roster-admin"],
        ),
        ("leading-group-office", &["leading-group-desk"]),
        (
            "leading-group-office",
            &["auditor", "leader", "clerk", "leading-group-desk"],
        ),
        ("finance", &["leader"]),
    ] {
        let session = Session::new(&stage.world, agency, "somebody", roles);
        let refused = referrals::get(&session, &name).await.unwrap_err();
        assert_eq!(reason(&refused), "NOT_FOUND", "{agency} {roles:?}");
        match referrals::list(&session, &Default::default()).await {
            Ok(page) => assert_eq!(page.referrals, [], "{agency} {roles:?}"),
            Err(status) => assert_eq!(reason(&status), "PERMISSION_DENIED"),
        }
    }
    assert_eq!(
        referrals::accesses(stage.world.hub()),
        [],
        "nobody read anything"
    );
}
