package wire

import (
	"errors"
	"fmt"
	"strconv"
)

// Code is the outcome of a request, or why a connection closes. The numbers are
// Yunxin's public ones; changing one breaks compatibility.
type Code uint16

// The codes that this build produces.
const (
	CodeOK             Code = 200
	CodeClientTooOld   Code = 201
	CodeWrongToken     Code = 302
	CodeForbidden      Code = 403
	CodeNotFound       Code = 404
	CodeTimeout        Code = 408
	CodeAccountGone    Code = 410 // Yizhan's own: Yunxin deletes no accounts
	CodeBadParameter   Code = 414
	CodeNetwork        Code = 415
	CodeRateLimited    Code = 416
	CodeRepeated       Code = 417
	CodeCountLimit     Code = 419
	CodeBlocked        Code = 422
	CodeDuplicate      Code = 431
	CodeServerError    Code = 500
	CodeBusy           Code = 503
	CodeRecallExpired  Code = 508
	CodeBadProtocol    Code = 509
	CodeTeamFull       Code = 801
	CodeTeamPermission Code = 802
	CodeTeamMissing    Code = 803
	CodeNotInTeam      Code = 804
	CodeTeamType       Code = 805
	CodeTooManyTeams   Code = 806
	CodeTeamStanding   Code = 807
	CodeAlreadyInTeam  Code = 809
	CodeForceList      Code = 811
	CodeTeamMuted      Code = 812
	CodeTeamReceipt    Code = 814
	CodeTeamManagers   Code = 815
	CodeSlowClient     Code = 997
	CodeMalformedFrame Code = 998
	CodeBlacklisted    Code = 7101
	CodeRoomClosed     Code = 13002
	CodeRoomBlocked    Code = 13003
	CodeRoomMuted      Code = 13004
	CodeRoomAllMuted   Code = 13006
)

// codeInfo describes one code: a short English name for logs and metrics, what
// it means, and whether trying again later may succeed.
type codeInfo struct {
	code      Code
	name      string
	meaning   string
	temporary bool
}

var codeTable = []codeInfo{
	{CodeOK, "ok", "done", false},
	{CodeClientTooOld, "client_too_old", "the client's protocol version is no longer served", false},
	{CodeWrongToken, "wrong_token", "unknown appkey or account, or wrong token", false},
	{CodeForbidden, "forbidden", "not permitted", false},
	{CodeNotFound, "not_found", "the object does not exist", false},
	{CodeAccountGone, "account_gone", "the account was deleted, or is being deleted", false},
	{CodeTimeout, "timeout", "nothing arrived within the deadline", true},
	{CodeBadParameter, "bad_parameter", "a parameter is missing, malformed or too long", false},
	{CodeNetwork, "network", "the client cannot reach the server", true},
	{CodeRateLimited, "rate_limited", "too many requests; wait and try again", true},
	{CodeRepeated, "repeated", "already done", false},
	{CodeCountLimit, "count_limit", "a count is over its limit", false},
	{CodeBlocked, "blocked", "the account is blocked", false},
	{CodeDuplicate, "duplicate", "duplicate request", false},
	{CodeServerError, "server_error", "the server failed; its log tells why", true},
	{CodeBusy, "busy", "the server is overloaded, read-only or without a leader; try again", true},
	{CodeRecallExpired, "recall_expired", "the message is too old to be recalled or edited", false},
	{CodeBadProtocol, "bad_protocol", "unknown command, or a command out of place", false},
	{CodeTeamFull, "team_full", "the team has as many members as it may have", false},
	{CodeTeamPermission, "team_permission", "the account may not do this in the team", false},
	{CodeTeamMissing, "team_missing", "the team does not exist or was dismissed", false},
	{CodeNotInTeam, "not_in_team", "the account is not a member of the team", false},
	{CodeTeamType, "team_type", "a team is named where a mega-team must be, or the other way round", false},
	{CodeTooManyTeams, "too_many_teams", "the account is in as many teams as it may be", false},
	{CodeTeamStanding, "team_standing", "there is no such application or invitation", false},
	{CodeAlreadyInTeam, "already_in_team", "the account is a member already", false},
	{CodeForceList, "force_list", "a push is forced on too many accounts", false},
	{CodeTeamMuted, "team_muted", "the team or the account in it is muted", false},
	{CodeTeamReceipt, "team_receipt", "a mega-team has no read receipts", false},
	{CodeTeamManagers, "team_managers", "the team has as many managers as it may have", false},
	{CodeSlowClient, "slow_client", "the client reads too slowly; reconnect and sync", true},
	{CodeMalformedFrame, "malformed_frame", "a frame could not be decoded", false},
	{CodeBlacklisted, "blacklisted", "the receiver has blacklisted the sender", false},
	{CodeRoomClosed, "room_closed", "the room is closed", false},
	{CodeRoomBlocked, "room_blocked", "the room has blocked the account", false},
	{CodeRoomMuted, "room_muted", "the account is muted in the room", false},
	{CodeRoomAllMuted, "room_all_muted", "the whole room is muted", false},
}

var codeIndex = func() map[Code]*codeInfo {
	index := make(map[Code]*codeInfo, len(codeTable))
	for i := range codeTable {
		index[codeTable[i].code] = &codeTable[i]
	}
	return index
}()

// String is the code's name, as metrics and logs show it.
func (c Code) String() string {
	if info := codeIndex[c]; info != nil {
		return info.name
	}
	return "code_" + strconv.Itoa(int(c))
}

// Meaning is one English sentence for people; empty for an unknown code.
func (c Code) Meaning() string {
	if info := codeIndex[c]; info != nil {
		return info.meaning
	}
	return ""
}

// Temporary reports whether the same request may succeed later.
func (c Code) Temporary() bool {
	info := codeIndex[c]
	return info != nil && info.temporary
}

// Codes lists every code this build produces, for documentation and tests.
func Codes() []Code {
	codes := make([]Code, len(codeTable))
	for i := range codeTable {
		codes[i] = codeTable[i].code
	}
	return codes
}

// Error is a Code with a note that says what was wrong with this request. It is
// how handlers return an outcome other than CodeOK.
type Error struct {
	Code Code
	Note string
}

// Errorf makes an *Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Note: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Note == "" {
		return fmt.Sprintf("%d %s", e.Code, e.Code.Meaning())
	}
	return fmt.Sprintf("%d %s", e.Code, e.Note)
}

// CodeOf is the code to answer err with: that of the *Error in its chain,
// CodeOK for nil, CodeServerError for anything else.
func CodeOf(err error) Code {
	if err == nil {
		return CodeOK
	}
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return CodeServerError
}
