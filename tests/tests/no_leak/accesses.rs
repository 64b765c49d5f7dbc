//! What auditors can list of reads: nobody but the agencies concerned learns of a secret record by way of
//! who read it.

use hub::charter::Action;
use hub_proto::audit::{ListAccessesRequest, RecordKind, audit_service_server::AuditService as _};
use hub_tests::direct::call;

use crate::probe::{Observations, Probe};

impl Probe<'_> {
    /// Lists accesses in every way. The auditor of the body above the mechanisms may list reads of
    /// addressed notifications of any agency: that is what the role is for, so its answers about those
    /// are left out where they are what differs. Reads of referrals and requests, and of alerts that went
    /// to a few, it may not even count.
    pub(crate) async fn accesses(&self, notes: &mut Observations) {
        let roles = self.site.charter().roles().iter();
        let is_auditor = roles
            .filter(|role| self.caller.roles.contains(role.id()))
            .any(|role| role.grants(Action::AccessesAudit));
        let own = format!("agencies/{}", self.caller.peer.agency);
        let parents = [
            "",
            "agencies/-",
            &own,
            "agencies/pboc-branch",
            "agencies/none",
        ];
        let secret = [
            RecordKind::Referral,
            RecordKind::InformationRequest,
            RecordKind::AccountInformationRequest,
        ];
        for parent in parents {
            let mut asked = vec![];
            if !is_auditor || parent == own || self.told.are_all_reads_compared {
                for oldest_first in [false, true] {
                    asked.push(ListAccessesRequest {
                        oldest_first,
                        ..ListAccessesRequest::default()
                    });
                }
                let records = self.told.names.iter().chain(&self.told.alerts);
                for record in records.filter(|_| self.is_thorough) {
                    asked.push(ListAccessesRequest {
                        record: record.clone(),
                        ..ListAccessesRequest::default()
                    });
                }
                asked.push(ListAccessesRequest {
                    kind: RecordKind::Alert.into(),
                    ..ListAccessesRequest::default()
                });
                for reader in ["agencies/pboc-branch", "agencies/public-security"] {
                    asked.push(ListAccessesRequest {
                        reader: reader.into(),
                        ..ListAccessesRequest::default()
                    });
                }
            }
            asked.extend(secret.map(|kind| ListAccessesRequest {
                kind: kind.into(),
                ..ListAccessesRequest::default()
            }));
            for one in asked {
                let request = ListAccessesRequest {
                    parent: parent.to_owned(),
                    page_size: 200,
                    ..one
                };
                let what = format!("accesses {request:?}");
                let api = &self.direct.services;
                let answer = api.list_accesses(call(&self.caller, request)).await;
                self.note(notes, what, answer, |answer| {
                    for access in &mut answer.accesses {
                        access.entry_index = 0;
                    }
                    // A token holds an index of the ledger, whose size is public.
                    if !answer.next_page_token.is_empty() {
                        answer.next_page_token = "more".into();
                    }
                });
            }
        }
    }
}
