package app

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// ExportItem is one piece of what an account has.
type ExportItem struct {
	// Kind is account, profile, device, mute, friendMode, relation, team, login,
	// subscription, notification, doNotDisturb, setting, file, conversation or message.
	Kind string
	// Body is the piece, as the protocol has it; nil of what the protocol has no
	// message for, which Plain has.
	Body  proto.Message
	Plain any
}

// What the protocol has no message for.
type (
	ExportAccount struct {
		Account     string `json:"account"`
		CreatedMs   int64  `json:"createdMs,string"`
		Blocked     bool   `json:"blocked,omitempty"`
		LastLoginMs int64  `json:"lastLoginMs,omitempty,string"`
	}
	ExportDevice struct {
		DeviceID string `json:"deviceId"`
		Platform string `json:"platform,omitempty"` // known of the one used last
		// AckedVersion is up to where the device has acknowledged.
		AckedVersion uint64 `json:"ackedVersion,string"`
	}
	ExportMute struct {
		P2P  bool `json:"p2p"`
		Team bool `json:"team"`
		Room bool `json:"room"`
	}
	ExportFriendMode struct {
		Mode string `json:"mode"`
	}
	ExportSubscription struct {
		Account   string `json:"account"`
		SinceMs   int64  `json:"sinceMs,string"`
		ExpiresMs int64  `json:"expiresMs,string"`
	}
	ExportFile struct {
		ID        string `json:"id"`
		Size      uint64 `json:"size,string"`
		Type      string `json:"type"`
		Tag       string `json:"tag,omitempty"`
		CreatedMs int64  `json:"createdMs,string"`
		ExpiresMs int64  `json:"expiresMs,omitempty,string"`
		// URL is a signed address; there is none where the node serves no files.
		URL string `json:"url,omitempty"`
	}
)

// Bounds of one page of an export: it ends with the piece that reaches one of them.
const (
	exportItems = 200
	exportBytes = 256 << 10
	// exportSteps is how many queries one page makes.
	exportSteps = 50
)

// The stages of an export, in their order: what a cursor begins with. None is a
// character of a number.
const (
	exportRelations     = "r" // version, floor
	exportTeams         = "t" // index
	exportLogins        = "l" // place
	exportSubscriptions = "u" // account
	exportNotifications = "n" // version
	exportSettings      = "s" // version, floor
	exportFiles         = "f" // id
	exportConversations = "c" // version, scene, peer, seq
)

var errExportCursor = wire.Errorf(wire.CodeBadParameter, "cursor is not from an answer")

// Export reads a page of everything that the site keeps of an account, in the
// order of the kinds of ExportItem, and the cursor to go on with, empty at the end.
// What changes meanwhile may come twice, or as it was. CodeNotFound: there is no
// such account.
func (a *App) Export(ctx context.Context, appKey, account, cursor string) (items []ExportItem, next string, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, "", err
	}
	row, err := a.queries.Account(t.ID, account)
	if err != nil {
		return nil, "", a.edge(err)
	}
	e := &export{app: a, tenant: t.ID, account: account}
	if cursor == "" {
		if err := e.self(row); err != nil {
			return nil, "", a.edge(err)
		}
		cursor = exportRelations + ":0:0"
	}
	for steps := 0; cursor != "" && steps < exportSteps && !e.full() && ctx.Err() == nil; steps++ {
		if cursor, err = e.step(cursor); err != nil {
			return nil, "", a.edge(err)
		}
	}
	return e.items, cursor, nil
}

type export struct {
	app     *App
	tenant  uint32
	account string
	items   []ExportItem
	bytes   int
}

func (e *export) full() bool { return len(e.items) >= exportItems || e.bytes >= exportBytes }

func (e *export) add(kind string, body proto.Message) {
	e.items = append(e.items, ExportItem{Kind: kind, Body: body})
	e.bytes += proto.Size(body)
}

func (e *export) plain(kind string, v any) {
	e.items = append(e.items, ExportItem{Kind: kind, Plain: v})
}

func (e *export) self(row *state.Account) error {
	e.items = append(e.items, ExportItem{Kind: "account", Plain: &ExportAccount{
		Account: row.Account, CreatedMs: row.CreatedMs, Blocked: row.Blocked, LastLoginMs: row.LastLoginMs,
	}})
	e.add("profile", row.Profile)
	devices, err := e.app.queries.Devices(e.tenant, e.account)
	if err != nil {
		return err
	}
	for _, d := range devices {
		out := &ExportDevice{DeviceID: d.ID, AckedVersion: d.Version}
		if d.ID == row.LastDeviceID {
			out.Platform = row.LastPlatform.String()
		}
		e.plain("device", out)
	}
	mute, err := e.app.queries.AccountMute(e.tenant, e.account)
	if err == nil && mute != 0 {
		e.plain("mute", &ExportMute{P2P: mute&state.MuteP2P != 0, Team: mute&state.MuteTeam != 0, Room: mute&state.MuteRoom != 0})
	}
	return err
}

// step reads one piece and returns the cursor behind it.
func (e *export) step(cursor string) (string, error) {
	stage, rest, _ := strings.Cut(cursor, ":")
	args := strings.Split(rest, ":")
	number := func(i int) (uint64, error) {
		if i >= len(args) {
			return 0, errExportCursor
		}
		n, err := strconv.ParseUint(args[i], 10, 64)
		if err != nil {
			return 0, errExportCursor
		}
		return n, nil
	}
	first, err := number(0)
	switch {
	case stage == exportLogins:
		return e.logins(rest)
	case stage == exportSubscriptions && len(args) == 1:
		return e.subscriptions(rest)
	case stage == exportFiles && len(args) == 1:
		return e.files(rest)
	case err != nil:
		return "", err
	}
	switch {
	case stage == exportRelations && len(args) == 2:
		floor, err := number(1)
		if err != nil {
			return "", err
		}
		return e.relations(first, floor)
	case stage == exportTeams && len(args) == 1:
		return e.teams(first)
	case stage == exportNotifications && len(args) == 1:
		return e.notifications(first)
	case stage == exportSettings && len(args) == 2:
		floor, err := number(1)
		if err != nil {
			return "", err
		}
		return e.settings(first, floor)
	case stage == exportConversations && len(args) == 4:
		seq, err := number(3)
		if err != nil {
			return "", err
		}
		return e.conversation(first, args[1]+":"+args[2], seq)
	}
	return "", errExportCursor
}

func (e *export) relations(version, floor uint64) (string, error) {
	page, err := e.app.queries.Relations(e.tenant, e.account, &wire.RelationsRequest{Version: version, Floor: floor, Limit: maxRelationPage})
	if err != nil {
		return "", err
	}
	if version == 0 {
		e.plain("friendMode", &ExportFriendMode{page.FriendMode.String()})
	}
	for _, r := range page.Relations {
		e.add("relation", r)
	}
	if page.More {
		return fmt.Sprintf("%s:%d:%d", exportRelations, page.Version, page.Floor), nil
	}
	return exportTeams + ":0", nil
}

// exportTeamsPage is how many teams one step reads.
const exportTeamsPage = 100

func (e *export) teams(from uint64) (string, error) {
	teams, err := e.app.queries.AccountTeams(e.tenant, e.account)
	if err != nil {
		return "", err
	}
	for i := from; i < uint64(len(teams)); i++ {
		if i == from+exportTeamsPage {
			return fmt.Sprintf("%s:%d", exportTeams, i), nil
		}
		e.add("team", teams[i])
	}
	return exportLogins + ":", nil
}

func (e *export) logins(after string) (string, error) {
	events, next, err := e.app.queries.LoginEvents(e.tenant, e.account, state.LoginEventRange{ToMs: math.MaxInt64, After: after})
	if wire.CodeOf(err) == wire.CodeBadParameter {
		err = errExportCursor
	}
	if err != nil {
		return "", err
	}
	for _, event := range events {
		e.add("login", event)
	}
	if next != "" {
		return exportLogins + ":" + next, nil
	}
	return exportSubscriptions + ":", nil
}

func (e *export) subscriptions(after string) (string, error) {
	found, more, _, err := e.app.queries.Subscriptions(e.tenant, e.account, after, state.MaxSubscriptionsPage, e.app.now().UnixMilli())
	if err != nil {
		return "", err
	}
	for _, s := range found {
		e.plain("subscription", &ExportSubscription{s.Publisher, s.SinceMs, s.ExpiresMs})
		after = s.Publisher
	}
	if more {
		return exportSubscriptions + ":" + after, nil
	}
	return exportNotifications + ":0", nil
}

// exportDevice is none that an account can have: it has sent nothing.
const exportDevice = "\x00"

func (e *export) notifications(version uint64) (string, error) {
	page, err := e.app.queries.Notifications(e.tenant, e.account, exportDevice, version, false, 0)
	if err != nil {
		return "", err
	}
	for _, n := range page.Notifications {
		e.add("notification", n)
	}
	if page.More {
		return fmt.Sprintf("%s:%d", exportNotifications, page.Version), nil
	}
	return exportSettings + ":0:0", nil
}

func (e *export) settings(version, floor uint64) (string, error) {
	page, err := e.app.queries.ConversationSettings(e.tenant, e.account, &wire.ConversationSettingsRequest{Version: version, Floor: floor})
	if err != nil {
		return "", err
	}
	if version == 0 && page.DoNotDisturb != nil {
		e.add("doNotDisturb", page.DoNotDisturb)
	}
	for _, s := range page.Settings {
		e.add("setting", s)
	}
	if page.More {
		return fmt.Sprintf("%s:%d:%d", exportSettings, page.Version, page.Floor), nil
	}
	return exportFiles + ":", nil
}

// exportFilesStep is how many files of the tenant one step looks at.
const exportFilesStep = 1000

func (e *export) files(after string) (string, error) {
	found, next, err := e.app.queries.FilesOf(e.tenant, e.account, after, exportFilesStep)
	if err != nil {
		return "", err
	}
	for _, f := range found {
		e.plain("file", &ExportFile{ID: f.ID, Size: f.Size, Type: f.Type, Tag: f.Tag, CreatedMs: f.CreatedMs, ExpiresMs: f.ExpiresMs})
	}
	if next != "" {
		return exportFiles + ":" + next, nil
	}
	return exportConversations + ":0:::0", nil
}

// conversation reads a page of the oldest conversation that changed after version:
// of the one named, from seq on, if it still is that one.
func (e *export) conversation(version uint64, name string, seq uint64) (string, error) {
	page, err := e.app.queries.Sync(e.tenant, e.account, version, 1)
	if err != nil || len(page.Conversations) == 0 {
		return "", err
	}
	c := page.Conversations[0]
	if found := fmt.Sprintf("%d:%s", c.Scene, c.Peer); found != name || seq == 0 {
		name, seq = found, max(c.FirstSeq, 1)
		e.add("conversation", c)
	}
	done := fmt.Sprintf("%s:%d:::0", exportConversations, c.Version)
	if !page.More {
		done = ""
	}
	if c.Scene == wire.Scene_SCENE_TEAM && c.Team.GetStanding() != wire.TeamStanding_TEAM_STANDING_MEMBER || seq > c.LastSeq {
		return done, nil
	}
	history, err := e.app.queries.History(e.tenant, e.account, &wire.HistoryRequest{
		Scene: c.Scene, Peer: c.Peer, FromSeq: seq, ToSeq: c.LastSeq, Limit: maxHistoryPage,
	})
	switch wire.CodeOf(err) {
	case wire.CodeOK:
	case wire.CodeTeamMissing, wire.CodeNotInTeam: // since Sync looked
		return done, nil
	default:
		return "", err
	}
	for _, m := range history.Messages {
		if seq = m.Seq + 1; m.Options.GetNoHistory() {
			continue // it was sent to stay out of what is kept
		}
		e.add("message", m)
	}
	if !history.More || len(history.Messages) == 0 {
		return done, nil
	}
	return fmt.Sprintf("%s:%d:%s:%d", exportConversations, version, name, seq), nil
}
