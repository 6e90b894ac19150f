package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of notifications and broadcasts (facts/yunxin-api.md §3.2, §11).
const (
	maxAttach           = 4096 // characters
	maxPushContent      = 500
	maxPushPayload      = 2048
	maxSound            = 30
	maxForcedPushes     = 100
	saveOnline          = 1
	saveOffline         = 2
	broadcastsPerMinute = 10
	broadcastHours      = 7 * 24
	maxBroadcastList    = 100
)

// notifyParams are what both actions that notify may be given.
var notifyParams = []param{
	{name: "attach", required: true, max: maxAttach, about: "anything, for the receiving apps", example: `{"order":7}`},
	{name: "save", kind: number, least: saveOnline, most: saveOffline, about: "1 only for who is online now; 2 kept for who is not (default)"},
	{name: "pushcontent", max: maxPushContent, about: "text of the push to devices that sleep"},
	{name: "payload", kind: jsonText, max: maxPushPayload, about: "for the app that is woken by the push"},
	{name: "sound", max: maxSound, about: "a file of the app, to be played with the push"},
	{name: "option", kind: jsonText, max: 1024, about: "an object of booleans: `badge`, default true; `needPushNick`, default false; `route`, default true", example: `{"badge":false}`},
}

var ignoredNotifyParams = []string{"env"}

var notifyActions = []action{
	{
		name:  "msg/sendAttachMsg",
		about: "Sends a notification from one account to another or to a team. It is no message: it is in no history, and counts nowhere as unread. It is kept for who is offline for 30 days, at most 500 of one account or team.",
		params: append([]param{
			{name: "from", kind: account, required: true},
			{name: "msgtype", kind: number, required: true, least: opeP2P, most: opeTeam, about: "0 to an account; 1 to a team, of which from must be a member"},
			{name: "to", required: true, max: 64, about: "an account, or the number of a team", example: "bob"},
			{name: "isForcePush", kind: boolean, about: "in a team: push also to those who have turned its notifications off; to all, unless forcePushList names some"},
			{name: "forcePushAll", kind: boolean, about: "the same as isForcePush without a list"},
			{name: "forcePushList", kind: accounts, max: maxForcedPushes, about: "those to whom the push is forced"},
			{name: "forcePushContent", max: maxPushContent, about: "what those get instead of pushcontent"},
		}, notifyParams...),
		ignored: ignoredNotifyParams,
		codes: []outcome{
			teamMissing,
			{wire.CodeNotInTeam, "from is not a member of the team"},
			{wire.CodeTeamMuted, "the team, or from in it, is muted"},
			{wire.CodeBlacklisted, "the receiver has blacklisted the sender (nothing is kept)"},
		},
		serve: (*API).sendAttach,
	},
	{
		name:  "msg/sendBatchAttachMsg",
		about: "Sends one notification to many accounts. With any code but 200 some may have it: repeat the call with the same RequestId, and nobody gets it twice. Who has blacklisted the sender does not get it, and is not in the answer.",
		params: append([]param{
			{name: "fromAccid", kind: account, required: true},
			{name: "toAccids", kind: accounts, required: true, max: maxReceivers},
		}, notifyParams...),
		ignored:   ignoredNotifyParams,
		answer:    unregisteredAnswer{},
		perMinute: batchesPerMinute,
		serve:     (*API).sendBatchAttach,
	},
	{
		name:  "msg/broadcastMsg",
		about: "Tells all accounts of the application something. At most 1,000 are kept; the oldest make room.",
		params: []param{
			{name: "body", required: true, max: maxAttach, about: "anything, for the apps", example: `{"news":1}`},
			{name: "from", kind: account, about: "an account in whose name it is"},
			{name: "isOffline", kind: boolean, about: "whether it is kept for who is not online, default false", example: "true"},
			{name: "ttl", kind: number, least: 1, most: state.MaxBroadcastHours, about: "hours for which it is kept, default 168"},
			{name: "targetOs", kind: jsonText, max: 256, about: "an array of those of `ios`, `aos`, `pc`, `web` and `mac` that get it, default all", example: `["ios","aos"]`},
		},
		answer:    broadcastAnswer{},
		perMinute: broadcastsPerMinute,
		serve:     (*API).sendBroadcast,
	},
	{
		name:  "history/queryBroadcastMsg",
		about: "Lists broadcasts, the newest first, until they expire.",
		params: []param{
			{name: "broadcastId", kind: number, most: maxInt64, about: "lists those before this one; 0 or nothing begins with the newest"},
			{name: "limit", kind: number, least: 1, most: maxBroadcastList, about: "most broadcasts to list, default 100", example: "20"},
			{name: "type", kind: number, least: 1, most: 3, about: "1 all (default); 2 those kept for who is not online; 3 the others"},
		},
		answer: broadcastsAnswer{},
		serve:  (*API).queryBroadcasts,
	},
	{
		name:   "history/queryBroadcastMsgById",
		about:  "Reads one broadcast.",
		params: []param{broadcastIDParam},
		answer: broadcastAnswer{},
		codes:  []outcome{noBroadcast},
		serve:  (*API).queryBroadcast,
	},
	{
		name:   "history/delBroadcastMsgById",
		about:  "Removes a broadcast: devices that have not got it will not.",
		params: []param{broadcastIDParam},
		codes:  []outcome{noBroadcast},
		serve:  (*API).deleteBroadcast,
	},
}

var (
	broadcastIDParam = param{name: "broadcastId", kind: number, required: true, least: 1, most: maxInt64, example: "42"}
	noBroadcast      = outcome{wire.CodeNotFound, "there is no such broadcast"}
)

// notification is what the parameters common to both actions describe.
func (c *call) notification(from string) (*wire.Notification, error) {
	n := &wire.Notification{
		From: from, Attach: c.args["attach"].text, OnlineOnly: c.args["save"].number == saveOnline,
		Options: &wire.NotifyOptions{Sound: c.args["sound"].text},
	}
	if content, payload := c.args["pushcontent"].text, c.args["payload"].text; content != "" || payload != "" {
		n.Options.Push = &wire.PushOptions{Content: content, Payload: payload}
	}
	if option := c.args["option"]; option.given {
		set := struct {
			Badge        bool `json:"badge"`
			NeedPushNick bool `json:"needPushNick"`
			Route        bool `json:"route"`
		}{Badge: true, Route: true}
		if err := json.Unmarshal([]byte(option.text), &set); err != nil {
			return nil, wire.Errorf(wire.CodeBadParameter, `option is not an object of booleans like {"badge":false}`)
		}
		n.Options.NoBadge, n.Options.PushNick, n.Options.NoCopy = !set.Badge, set.NeedPushNick, !set.Route
	}
	return n, nil
}

func (a *API) sendAttach(ctx context.Context, c *call) (any, error) {
	n, err := c.notification(c.args["from"].text)
	if err != nil {
		return nil, err
	}
	n.ClientId = c.id
	if c.args["msgtype"].number == opeTeam {
		c.forcePush(n)
		n.Scene, n.To = wire.Scene_SCENE_TEAM, c.args["to"].text
		_, err := a.app.Notify(ctx, c.appKey(), n)
		return nil, err
	}
	if n.To, err = c.receiver(); err != nil {
		return nil, err
	}
	_, err = a.app.Notify(ctx, c.appKey(), n)
	if wire.CodeOf(err) == wire.CodeNotFound {
		if err := a.requireAccount(ctx, c, "from", n.From); err != nil {
			return nil, err
		}
		return nil, errNotRegistered("to")
	}
	return nil, err
}

// forcePush adds what the parameters say of pushes that are forced.
func (c *call) forcePush(n *wire.Notification) {
	list := c.args["forcePushList"].list
	all := c.args["forcePushAll"].flag || c.args["isForcePush"].flag && len(list) == 0
	if !all && len(list) == 0 {
		return
	}
	if n.Options.Push == nil {
		n.Options.Push = new(wire.PushOptions)
	}
	n.Options.Push.ForceAll, n.Options.Push.ForceAccounts = all, list
	n.Options.Push.ForceContent = c.args["forcePushContent"].text
}

type unregisteredAnswer struct {
	Unregister []string `json:"unregister" of:"accid" about:"those that do not exist"`
}

func (a *API) sendBatchAttach(ctx context.Context, c *call) (any, error) {
	n, err := c.notification(c.args["fromAccid"].text)
	if err != nil {
		return nil, err
	}
	if err := a.requireAccount(ctx, c, "fromAccid", n.From); err != nil {
		return nil, err
	}
	receivers := c.args["toAccids"].list
	errs := make([]error, len(receivers))
	slots := make(chan struct{}, batchInFlight)
	var sending sync.WaitGroup
	for i, to := range receivers {
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			one := &wire.Notification{From: n.From, To: to, Attach: n.Attach, OnlineOnly: n.OnlineOnly, Options: n.Options}
			one.ClientId = hash(c.id, to).String()
			_, errs[i] = a.app.Notify(ctx, c.appKey(), one)
		})
	}
	sending.Wait()
	answer := unregisteredAnswer{Unregister: []string{}}
	for i, to := range receivers {
		switch {
		case wire.CodeOf(errs[i]) == wire.CodeNotFound:
			answer.Unregister = append(answer.Unregister, to)
		case wire.CodeOf(errs[i]) == wire.CodeBlacklisted:
		case errs[i] != nil:
			return nil, errs[i]
		}
	}
	return answer, nil
}

// platformNames are the values of targetOs, in the order in which they are shown.
var platformNames = []struct {
	name     string
	platform wire.Platform
}{
	{"ios", wire.Platform_PLATFORM_IOS}, {"aos", wire.Platform_PLATFORM_ANDROID}, {"pc", wire.Platform_PLATFORM_PC},
	{"web", wire.Platform_PLATFORM_WEB}, {"mac", wire.Platform_PLATFORM_MAC},
}

// parsePlatforms is the sum of the platforms that a targetOs names.
func parsePlatforms(text string) (sum uint32, err error) {
	bad := wire.Errorf(wire.CodeBadParameter, `targetOs is not an array of ios, aos, pc, web and mac like ["ios","aos"]`)
	var names []string
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return 0, bad
	}
	for _, name := range names {
		i := slices.IndexFunc(platformNames, func(p struct {
			name     string
			platform wire.Platform
		}) bool {
			return p.name == strings.ToLower(name)
		})
		if i < 0 {
			return 0, bad
		}
		sum |= uint32(platformNames[i].platform)
	}
	return sum, nil
}

type broadcastAnswer struct {
	Msg broadcastInfo `json:"msg"`
}

type broadcastsAnswer struct {
	Msgs []broadcastInfo `json:"msgs"`
}

type broadcastInfo struct {
	BroadcastID uint64   `json:"broadcastId"`
	From        string   `json:"from,omitempty"`
	Body        string   `json:"body"`
	TargetOs    []string `json:"targetOs" of:"ios, aos, pc, web or mac"`
	IsOffline   bool     `json:"isOffline" about:"whether it is kept for who is not online"`
	CreateTime  int64    `json:"createTime" about:"milliseconds since 1970"`
	ExpireTime  int64    `json:"expireTime" about:"milliseconds since 1970"`
}

func infoOf(b *wire.Broadcast) broadcastInfo {
	info := broadcastInfo{
		BroadcastID: b.Version, From: b.From, Body: b.Body, TargetOs: []string{}, IsOffline: b.Offline,
		CreateTime: b.TimeMs, ExpireTime: b.ExpireMs,
	}
	for _, p := range platformNames {
		if state.MeantFor(b, p.platform) {
			info.TargetOs = append(info.TargetOs, p.name)
		}
	}
	return info
}

func (a *API) sendBroadcast(ctx context.Context, c *call) (any, error) {
	b := &wire.Broadcast{From: c.args["from"].text, Body: c.args["body"].text, Offline: c.args["isOffline"].flag}
	if target := c.args["targetOs"]; target.given {
		var err error
		if b.Platforms, err = parsePlatforms(target.text); err != nil {
			return nil, err
		}
	}
	hours := broadcastHours
	if ttl := c.args["ttl"]; ttl.given {
		hours = int(ttl.number)
	}
	sent, err := a.app.SendBroadcast(ctx, c.appKey(), c.id, b, hours)
	if err != nil {
		return nil, notRegistered(err, "from")
	}
	return broadcastAnswer{infoOf(sent)}, nil
}

func (a *API) queryBroadcasts(ctx context.Context, c *call) (any, error) {
	kind, now := c.args["type"].number, a.now().UnixMilli()
	list, err := a.app.Broadcasts(ctx, c.appKey(), uint64(c.args["broadcastId"].number), int(c.args["limit"].number), func(b *wire.Broadcast) bool {
		return b.ExpireMs > now && (kind != 2 || b.Offline) && (kind != 3 || !b.Offline)
	})
	if err != nil {
		return nil, err
	}
	answer := broadcastsAnswer{Msgs: make([]broadcastInfo, len(list))}
	for i, b := range list {
		answer.Msgs[i] = infoOf(b)
	}
	return answer, nil
}

func (a *API) queryBroadcast(ctx context.Context, c *call) (any, error) {
	b, err := a.app.Broadcast(ctx, c.appKey(), uint64(c.args["broadcastId"].number))
	if err != nil {
		return nil, err
	}
	return broadcastAnswer{infoOf(b)}, nil
}

func (a *API) deleteBroadcast(ctx context.Context, c *call) (any, error) {
	return nil, a.app.DeleteBroadcast(ctx, c.appKey(), uint64(c.args["broadcastId"].number))
}
