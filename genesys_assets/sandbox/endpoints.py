"""The table of endpoints: path, permissions, answer.

It connects each path with the module that answers. `application` handles every request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from genesys_assets.sandbox import aggregates, details, live, reference, user_status
from genesys_assets.sandbox.access import Access
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.extraction import Extraction
from genesys_assets.sandbox.families import FAMILIES, Family
from genesys_assets.sandbox.jobs import Jobs
from genesys_assets.sandbox.organisation import Organisation, encode
from genesys_assets.sandbox.selection import RecentResults
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import DAY
from genesys_assets.sandbox.usage import Usage

Item = dict[str, Any]

UNKNOWN_FIELDS: Item = {"sandboxFutureField": {"since": "2027-01-01", "values": [1, None, "x"]}}

_DETAIL = ("analytics:conversationDetail:view", "analytics:agentConversationDetail:view")
_AGGREGATE = ("analytics:conversationAggregate:view",)
_USER_DETAIL = ("analytics:userDetail:view",)
_USER_AGGREGATE = ("analytics:userAggregate:view",)
_WAREHOUSE = ("analytics:datawarehouse:view",)
_OBSERVATION = ("analytics:queueObservation:view",)
_USAGE = "/api/v2/usage/client/{id}/aggregates/query/jobs"
_MEMBERS = ("routing:queue:view", "routing:queue:edit", "routing:queue:readonly", "routing:queueMember:manage")
_LISTINGS: dict[str, tuple[tuple[str, ...], reference.Listing]] = {
    "/api/v2/routing/queues": (("routing:queue:view",), reference.queues),
    "/api/v2/users": ((), reference.users),
    "/api/v2/routing/wrapupcodes": (("routing:wrapupCode:view",), reference.wrapup_codes),
    "/api/v2/routing/skills": (("routing:skill:view",), reference.skills),
    "/api/v2/authorization/divisions": ((), reference.divisions),
    "/api/v2/flows": (("architect:flow:view",), reference.flows),
    "/api/v2/presence/definitions": (("presence:presenceDefinition:view",), reference.presence_definitions),
    "/api/v2/teams": (("groups:team:view",), reference.teams),
    "/api/v2/groups": ((), reference.numbered("groups", "groups")),
    "/api/v2/routing/languages": ((), reference.numbered("routing/languages", "languages")),
    "/api/v2/locations": ((), reference.numbered("locations", "locations")),
    "/api/v2/flows/outcomes": (
        ("architect:flowOutcome:view",),
        reference.numbered("flows/outcomes", "flow_outcomes"),
    ),
    "/api/v2/flows/milestones": (
        ("architect:flowMilestone:view",),
        reference.numbered("flows/milestones", "flow_milestones"),
    ),
    "/api/v2/outbound/campaigns": (
        ("outbound:campaign:view",),
        reference.numbered("outbound/campaigns", "campaigns"),
    ),
    "/api/v2/externalcontacts/scan/organizations": (
        ("externalContacts:externalOrganization:view",),
        reference.external_organizations,
    ),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed login, rate limit and permissions. `now` is in ms, `url` is that of the sandbox."""

    path: dict[str, str]
    parameters: dict[str, str]
    body: Any
    token: str
    now: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path, its permissions (any one of them is enough), and the function that answers: with an object, JSON as
    bytes, or None for 204.
    """

    method: str
    path: str
    permissions: tuple[str, ...]
    answer: Callable[[Call], Item | bytes | None]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Platform:
    """The parts of the sandbox from which the endpoints answer."""

    organisation: Organisation
    access: Access
    behaviour: Behaviour
    jobs: Jobs
    user_jobs: Jobs
    timelines: Timelines
    extraction: Extraction
    recent: RecentResults = field(default_factory=RecentResults)
    usage: Usage = field(default_factory=Usage)

    def endpoints(self) -> list[Endpoint]:
        analytics = "/api/v2/analytics/conversations"
        users = "/api/v2/analytics/users"
        downloads = "/api/v2/analytics/dataextraction/downloads"
        return [
            Endpoint("GET", "/api/v2/tokens/me", (), self._token),
            Endpoint("DELETE", "/api/v2/tokens/me", (), self._revoke),
            Endpoint("POST", f"{analytics}/aggregates/query", _AGGREGATE, self._aggregates),
            Endpoint("POST", f"{analytics}/details/query", _DETAIL, self._details),
            Endpoint("GET", f"{analytics}/{{id}}/details", _DETAIL, self._details_by_id),
            *self._of_jobs(f"{analytics}/details/jobs", self.jobs, _DETAIL, self._results),
            Endpoint("POST", f"{users}/aggregates/query", _USER_AGGREGATE, self._user_aggregates),
            Endpoint("POST", f"{users}/details/query", _USER_DETAIL, self._user_details),
            *self._of_jobs(f"{users}/details/jobs", self.user_jobs, _USER_DETAIL, self._user_results),
            Endpoint("POST", f"{analytics}/activity/query", _OBSERVATION, self._activity),
            Endpoint("POST", "/api/v2/analytics/queues/observations/query", _OBSERVATION, self._observations),
            Endpoint("POST", _USAGE, ("usage:client:view",), self._submit_usage, status=202),
            Endpoint("GET", f"{_USAGE}/{{job}}", ("usage:client:view",), self._usage),
            Endpoint("GET", "/api/v2/routing/queues/{id}/members", _MEMBERS, self._members),
            *(
                Endpoint("POST", family.path, (family.permission,), self._aggregates_of(family))
                for family in FAMILIES.values()
            ),
            Endpoint("GET", f"{downloads}/metadata", _WAREHOUSE, self._files),
            Endpoint("POST", f"{downloads}/bulk", _WAREHOUSE, self._file_urls),
            *(
                Endpoint("GET", path, permissions, self._listing(listing))
                for path, (permissions, listing) in _LISTINGS.items()
            ),
        ]

    def _token(self, call: Call) -> Item:
        organization = {"id": self.organisation.directory.organisation_id, "name": "Sandbox"}
        client = {"id": self.access.client_id, "name": "genesys_assets", "organization": organization}
        return {"organization": organization, "homeOrganization": organization, "OAuthClient": client}

    def _revoke(self, call: Call) -> None:
        self.access.revoke(call.token)

    def _aggregates(self, call: Call) -> Item:
        return self._with_unknown(aggregates.answer(self.organisation, call.body, call.now))

    def _aggregates_of(self, family: Family) -> Callable[[Call], Item]:
        return lambda call: self._with_unknown(aggregates.answer(self.organisation, call.body, call.now, family))

    def _details(self, call: Call) -> bytes:
        conversations, total = details.answer(self.organisation, call.body, call.now, self.recent)
        estimate = total and total + self.behaviour.total_hits_too_many
        parts = [b'"totalHits":%d' % estimate]
        if conversations and not self.behaviour.withholds_conversations():
            parts.insert(0, self._listed(conversations))
        return b"{%b}" % b",".join(parts)

    def _details_by_id(self, call: Call) -> bytes:
        return self._one(details.by_id(self.organisation, call.path["id"], call.now))

    def _of_jobs(
        self, path: str, jobs: Jobs, permissions: tuple[str, ...], results: Callable[[Call], bytes]
    ) -> list[Endpoint]:
        """The endpoints of jobs of one kind."""

        def answering(answer: Callable[[Call], Item]) -> Callable[[Call], Item]:
            return lambda call: self._with_unknown(answer(call))

        availability = answering(lambda call: jobs.availability(call.now))
        submission = answering(lambda call: jobs.submit(call.body, call.now))
        status = answering(lambda call: jobs.status(call.path["id"], call.now))
        return [
            Endpoint("GET", f"{path}/availability", permissions[:1], availability),
            Endpoint("POST", path, permissions, submission, status=202),
            Endpoint("GET", f"{path}/{{id}}", permissions, status),
            Endpoint("DELETE", f"{path}/{{id}}", permissions, lambda call: jobs.delete(call.path["id"])),
            Endpoint("GET", f"{path}/{{id}}/results", permissions, results),
        ]

    def _user_aggregates(self, call: Call) -> Item:
        return self._with_unknown(user_status.aggregates(self.timelines, call.body, call.now))

    def _user_details(self, call: Call) -> Item:
        return self._with_unknown(user_status.query(self.timelines, call.body, call.now))

    def _user_results(self, call: Call) -> bytes:
        users, beside = self.user_jobs.results(call.path["id"], call.parameters, call.now)
        parts = [encode(self._with_unknown(beside))[1:-1]]
        if users:
            parts.insert(0, b'"userDetails":[%b]' % b",".join(self._one(user) for user in users))
        return b"{%b}" % b",".join(parts)

    def _results(self, call: Call) -> bytes:
        conversations, beside = self.jobs.results(call.path["id"], call.parameters, call.now)
        parts = [encode(self._with_unknown(beside))[1:-1]]
        if conversations and not self.behaviour.withholds_conversations():
            parts.insert(0, self._listed(conversations))
        return b"{%b}" % b",".join(parts)

    def _files(self, call: Call) -> Item:
        return self._with_unknown(self.extraction.listing(call.parameters, call.now))

    def _file_urls(self, call: Call) -> Item:
        return self._with_unknown(self.extraction.urls(call.body, call.url, call.now))

    def _activity(self, call: Call) -> Item:
        answer = live.conversation_activity(self.organisation, call.body, call.parameters, call.now)
        return self._with_unknown(answer)

    def _observations(self, call: Call) -> Item:
        return self._with_unknown(live.queue_observations(self.organisation, call.body, call.now))

    def _submit_usage(self, call: Call) -> Item:
        return self._with_unknown(self.usage.submit(call.path["id"], call.body, call.now))

    def _usage(self, call: Call) -> Item:
        return self._with_unknown(self.usage.result(call.path["id"], call.path["job"], call.parameters))

    def _members(self, call: Call) -> Item:
        directory, day = self.organisation.directory, call.now // DAY
        return self._with_unknown(reference.members(directory, call.path["id"], day, call.parameters))

    def _listing(self, listing: reference.Listing) -> Callable[[Call], Item]:
        return lambda call: self._with_unknown(listing(self.organisation.directory, call.parameters))

    def _with_unknown(self, answer: Item) -> Item:
        """Adds an unknown field to the answer and to each listed entity, if `behaviour.unknown_fields` is set."""
        if not self.behaviour.unknown_fields:
            return answer
        listed: Item = {
            name: [{**item, **UNKNOWN_FIELDS} for item in answer[name]]
            for name in ("entities", "results", "userDetails")
            if name in answer
        }
        return {**answer, **listed, **UNKNOWN_FIELDS}

    def _listed(self, conversations: list[bytes]) -> bytes:
        return b'"conversations":[%b]' % b",".join(self._one(conversation) for conversation in conversations)

    def _one(self, conversation: bytes) -> bytes:
        if not self.behaviour.unknown_fields:
            return conversation
        return conversation[:-1] + b"," + encode(UNKNOWN_FIELDS)[1:]
