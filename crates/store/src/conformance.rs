//! The promises of [`EventStore`](crate::EventStore), as tests that every engine passes: see
//! [`conformance_suite!`](crate::conformance_suite).

#![expect(missing_docs, reason = "the name of a promise says what it tests")]

mod appends;
mod fixture;
mod outbox;
mod properties;
mod runs;
mod streams;

pub use appends::*;
pub use outbox::*;
pub use properties::*;
pub use runs::*;
pub use streams::*;

/// Makes one test for each promise. Takes an expression that opens a new, empty store, and gives it together with
/// whatever has to live as long, a temporary directory for instance.
///
/// ```ignore
/// milepost_store::conformance_suite!((MemoryStore::new(), ()));
/// ```
#[macro_export]
macro_rules! conformance_suite {
    ($open:expr) => {
        $crate::conformance_suite! { @async $open;
            appends_are_read_back_in_order
            the_store_numbers_the_records
            an_append_at_another_head_is_refused
            an_append_of_another_incarnation_is_refused
            rows_alone_make_no_stream
            a_run_belongs_to_one_stream
            a_failing_append_leaves_nothing
            one_of_many_wins_each_head
            one_of_many_creates_a_run
            concurrent_appends_to_many_streams
            large_and_odd_texts_come_back
            reads_are_paged
            unknown_streams_are_empty
            ids_are_those_of_the_log
            a_checkpoint_replaces_the_former_one
            a_checkpoint_of_another_incarnation_is_dropped
            a_deleted_stream_is_gone_and_can_be_made_again
            deleting_spares_the_others
            a_long_stream_can_be_deleted
            it_can_be_probed
            closing_refuses_everything_later
            listings_are_newest_first_and_paged
            listings_are_filtered
            rows_change_with_the_append
            rows_of_other_streams_do_not_change
            timed_streams_are_found
            unfinished_roots_are_found
            claimable_runs_are_oldest_first
            queues_are_counted_by_kind
            projects_are_apart
            the_log_of_all_streams_is_in_the_order_of_commits
            the_log_is_filtered_by_type_and_the_position_moves_over_the_rest
            deleted_streams_leave_the_log_and_positions_are_not_used_again
            receivers_are_remembered
            dead_letters_are_listed_newest_first_and_go_when_told
        }
        #[test]
        fn random_appends_keep_what_was_acknowledged() {
            let (store, _keep) = $open;
            $crate::conformance::random_appends_keep_what_was_acknowledged(&store);
        }
    };
    (@async $open:expr; $($promise:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let (store, _keep) = $open;
            $crate::conformance::$promise(std::sync::Arc::new(store)).await;
        }
    )*};
}
