"""Declares which columns hold personal data, and whose. Only columns of reports get their class elsewhere: see `spec`.

    person    agents: names, e-mail, ids of users
    contact   customers: numbers, addresses, names, ids
    content   what was said or noted: subjects, notes, attributes, free text
    none      no personal data

A column has the class of its name, in every table. A name with several meanings, such as `name` and `value`, is
declared as `table.column`. A name that is not declared is an error. `genesys_assets.privacy` keeps, hashes or drops the
classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from genesys_assets.personal_data import PersonalData


class MissingClass(LookupError):
    """A column has no class of personal data."""


_CLASSES = {
    PersonalData.PERSON: """
    user_id user_ids assignee_id assigner_id evaluator_id requested_routing_user_ids screen_monitored_user_id
    overtaking_user_id selected_agent_id proposed_agents proposed_agent_id scored_agents scored_agent_id group_key
    email username
    users.title users.department users.id users.name users_history.id users_history.name
    agent_id owner_id reporter_id touchpoint_agent_id
    """,
    PersonalData.CONTACT: """
    address_from address_other address_self address_to ani bcc callback_numbers callback_number callback_user_name
    canonical_external_contact_id cc destination_address destination_addresses dnis external_contact_id
    external_organization_id flow_entry_reason flow_transfer_target_address flow_transfer_target_name
    journey_customer_id journey_customer_session_id outbound_contact_id participant_name remote
    remote_name_displayable screen_share_address_self session_dnis transfer_target_address transfer_target_name
    video_address_self
    external_organizations.id external_organizations.name external_organizations_history.id
    external_organizations_history.name
    customer entry_reason journey_session_id
    """,
    PersonalData.CONTENT: """
    access_attributes external_tag participant_attributes.value properties subject wrap_up_note wrap_up_tags
    pages.body pages.request
    bot_slot contains_all_condition contains_any_condition ends_with_condition equal_condition feedback_reason
    not_contains_all_condition not_contains_any_condition not_equal_condition search_query starts_with_condition
    """,
    PersonalData.NONE: """
    acd_participant_id acd_session_id active_routing active_skill_id active_skill_ids activity_date acw_skipped
    agent_assistant_id agent_bullseye_ring agent_groups agent_owned agent_participant_id agent_rank agent_score
    agent_session_id alerted_at answered_at as_of assignee_applicable associated_conversation_id audio_muted
    authenticated barged_participant_id calibration_id callback_scheduled_time check cleared
    coached_participant_id cobrowse_role cobrowse_room_id codecs conference conference_start
    consultation_conversation_ids context_id conversation_end conversation_id conversation_initiator
    conversation_start converted_from converted_to correlation_id count current customer_participation
    date_created date_modified day deleted delivery_pushed delivery_status delivery_status_change_date denominator
    destination_conversation_id destination_session_id detected_speech_end detected_speech_start direction
    discarded_packets disconnect_type disconnected_at disposition_analyzer disposition_name division_id
    division_ids duplicate_packets duration_ms edge_id eligible_agent_count eligible_agent_counts emit_date
    ended_at engagement_source error_code error_code_description evaluation_id evaluation_status event_time
    extended_delivery_status external_media_count fetched_at first_queue flagged_reason flow_ending_language
    flow_entry_type flow_exit_reason flow_id flow_in_type flow_issued_callback flow_name flow_out_type
    flow_outcome flow_outcome_end_timestamp flow_outcome_id flow_outcome_start_timestamp flow_outcome_value
    flow_recognition_failure_reason flow_starting_language flow_transfer_type flow_type flow_version form_id
    form_name given_at group_id grouping home_division inactivity_timeout interaction_type interval_end
    interval_start invalid_packets is_additive is_blocking is_complete is_deleted is_error is_truncated
    joined_member_count journey_action_id journey_action_map_id journey_action_map_version
    journey_customer_id_type journey_customer_session_id_type knowledge_base_id knowledge_base_ids last_activity
    leg_no local_date looked_at max max_latency_ms media_bridge_id media_count media_settings
    media_stats_min_conversation_mos media_stats_min_conversation_r_factor media_type member_count message_type
    first_date last_date weekday service_level_target service_level_threshold_ms known_by next_contact_avoided
    unknown_because
    repeats_within_1d followed_within_1d repeats_within_7d followed_within_7d repeats_within_30d followed_within_30d
    metric min min_mos min_r_factor monitored_participant_id n_blind_transferred n_consult n_consult_transferred
    n_next_contact_avoided n_offered n_over_sla n_transferred numerator o_survey_total_score
    o_total_critical_score o_total_score observed_at offered_at open_days ordinal originating_direction
    originating_social_media_public outbound_campaign_id outbound_contact_list_id outcome overrun_packets
    page_number participant_id participant_ordinal passed peer_id protocol_call_id provider purpose
    q850_response_codes qualifier queue_id ratio read_at received_packets recording released removed_skill_id
    removed_skill_ids requested_language_id requested_routing requested_routing_skill_id
    requested_routing_skill_ids requested_routings rescored room_id routing_priority routing_ring routing_rule
    routing_rule_type rows_added rows_after rows_before rows_changed rows_removed run_id says screen_recording
    screen_share_room_id script_id segment_end segment_start segment_type selected_agent_rank selection
    self_served session_end session_id session_ordinal session_queue_id session_start sharing_screen
    side_session_ids sip_response_codes skill_expression_id skip_enabled snippet_recording source
    source_conversation_id source_session_id station_id sum survey_completed_date survey_form_context_id
    survey_form_id survey_form_name survey_id survey_partial_response survey_promoter_score survey_status
    survey_type system_submitted t_abandon_ms t_acd_ms t_acw_ms t_alert_ms t_answered_ms t_contacting_ms
    t_dialing_ms t_flow_out_ms t_handle_ms t_held_ms t_not_responding_ms t_short_abandon_ms t_talk_ms t_wait_ms
    table target team_id timeout_seconds underrun_packets used_routing valid_from valid_to version video_muted
    video_present video_room_id view waiting_interaction_count waiting_interaction_counts wrap_up_code
    queues.id queues.name queues.description users.state wrapup_codes.id wrapup_codes.name
    wrapup_codes.description skills.id skills.name skills.state divisions.id divisions.name divisions.description
    queues_history.id queues_history.name wrapup_codes_history.id wrapup_codes_history.name skills_history.id
    skills_history.name divisions_history.id divisions_history.name participant_attributes.name
    session_metrics.value
    presence_definitions.id presence_definitions.name presence_definitions_history.id
    presence_definitions_history.name teams.id teams.name teams_history.id teams_history.name groups.id
    groups.name groups_history.id groups_history.name languages.id languages.name languages_history.id
    languages_history.name locations.id locations.name locations_history.id locations_history.name flows.id
    flows.name flows_history.id flows_history.name flow_outcomes.id flow_outcomes.name flow_outcomes_history.id
    flow_outcomes_history.name flow_milestones.id flow_milestones.name flow_milestones_history.id
    flow_milestones_history.name campaigns.id campaigns.name campaigns_history.id campaigns_history.name
    teams.description groups.description flows.description flow_outcomes.description flow_milestones.description
    presence_definitions.type groups.type flows.type groups.state languages.state locations.state visibility
    system_presence deactivated active dialing_mode campaign_status company_type industry create_date modify_date
    end_time kind organization_presence_id quarter_start routing_status start_time
    started_at status left_at wait_ms members idle_members idle_ms unknown overtaken_by
    overtaking_conversation_id
    agentcopilots_metrics.state
    action_category action_id action_name answer_generation_enabled app_deployment_id app_type ask_action_id
    ask_action_result ask_action_type association_type bot_final_intent bot_flow_id bot_flow_sub_type bot_flow_type
    bot_id bot_intent bot_name bot_product bot_provider bot_recognition_failure_reason bot_result bot_session_id
    bot_slot_mechanism bot_version canned_response_id canned_response_library_id case_id caseplan_id category_id
    channel chunk_count conversation_channel_type conversation_duration copied customer_intent_id
    document_engagement_type edited_field ending_language engagement_type entry_type error_type
    evaluation_context_id evaluation_created_date evaluation_release_date exit_reason feedback_category feedback_id
    feedback_rating feedback_rating_type feedback_rating_value feedback_type flow_milestone_id flow_object_id
    flow_sub_type handle_time has_answer_highlight has_comment has_generated_answer has_retrieved_references
    has_search integration_id integration_name intermediate_intent_name journey_action_media_type
    journey_action_target_id journey_action_template_id journey_blocking_action_map_id
    journey_blocking_emergency_schedule_group_id journey_blocking_reason journey_blocking_schedule_group_id
    journey_device_category journey_device_type journey_frequency_cap_reason journey_ip_geolocation_country
    journey_outcome_id journey_segment_assignment_state journey_segment_id journey_session_segment_id
    journey_session_type knowledge_base_document_id knowledge_base_document_variation_id
    knowledge_base_document_version_id knowledge_setting_id language language_code last_action_id
    last_input_action_id message_id presented presented_documents_count preview_mode priority query_type
    query_type_v3 recognition_failure_reason response_status results_by script_page_id search_id stage_id
    starting_language status_category status_id step_id suggestion_id suggestion_type summary_generated
    summary_id summary_rating surfacing_method survey_answer_id survey_created_date survey_error_reason
    survey_previous_status survey_question_group_id survey_question_id tool_id tool_status tool_type topic_id
    touchpoint_action_map_id touchpoint_attribution_scope touchpoint_channel_message_type
    touchpoint_channel_platform touchpoint_channel_type touchpoint_conversation_id touchpoint_interaction_type
    touchpoint_queue_id touchpoint_requested_routing touchpoint_used_routing touchpoint_wrapup_code transfer_type
    trigger_source_id trigger_source_outcome trigger_source_type trigger_type type_id utterance_id workbin_id
    workitem_id wrap_up_code_rating wrap_up_code_suggestion_selected wrap_up_date wrapup_codes_generated
    wrapup_codes_supported
    platform requests succeeded redirected refused rate_limited failed
    request_id time asset partition method path attempt bytes waited_ms allowed_per_minute budget_left
    joined member_by proficiency ring_number skill_id user_skills.state
    """,
}


def by_name(classes: Mapping[PersonalData, str]) -> dict[str, PersonalData]:
    """The class of each name. Raises ValueError if a name is declared twice: one of the classes would not count."""
    names = [name for of_class in classes.values() for name in of_class.split()]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"Declared more than once in genesys_assets/tables/personal.py: {', '.join(twice)}.")
    return {name: class_ for class_, of_class in classes.items() for name in of_class.split()}


_BY_NAME = by_name(_CLASSES)

CONVERSATION_IDS = frozenset(
    (
        "conversation_id",
        "associated_conversation_id",
        "consultation_conversation_ids",
        "source_conversation_id",
        "destination_conversation_id",
        "overtaking_conversation_id",
    )
)
"""Ids of conversations have the class none, because they identify and join rows of every table. But they can be
forgotten, so they are not shown either: see `may_be_shown`.
"""


def class_of(table: str, column: str) -> PersonalData:
    """The class of a column of a table. Raises MissingClass.

    >>> class_of("sessions", "ani"), class_of("queues", "name"), class_of("users", "name")
    (<PersonalData.CONTACT: 'contact'>, <PersonalData.NONE: 'none'>, <PersonalData.PERSON: 'person'>)
    """
    class_ = _BY_NAME.get(f"{table}.{column}") or _BY_NAME.get(column)
    if class_ is None:
        raise MissingClass(
            f"{table}.{column} has no class of personal data. Add it to genesys_assets/tables/personal.py."
        )
    return class_


def strongest(classes: Iterable[PersonalData]) -> PersonalData:
    """The class of a value that is made of several others: the class that identifies a person most directly.

    >>> strongest([PersonalData.NONE, PersonalData.CONTENT, PersonalData.CONTACT])
    <PersonalData.CONTACT: 'contact'>
    """
    order = (PersonalData.CONTACT, PersonalData.PERSON, PersonalData.CONTENT)
    present = set(classes)
    return next((class_ for class_ in order if class_ in present), PersonalData.NONE)


def may_be_shown(class_: PersonalData, column: str) -> bool:
    """Whether values of a column may be copied to places where they cannot be forgotten later: Dagster keeps previews
    for ever.
    """
    return class_ is PersonalData.NONE and column not in CONVERSATION_IDS
