package api

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// eventTypeOnline is the only type of events that accounts subscribe to.
const eventTypeOnline = 1

var presenceActions = []action{
	{
		name:   "user/userOnlineStatus",
		about:  "Tells which accounts are online, and on which devices. A device whose connection was lost a moment ago counts as online.",
		params: []param{{name: "accids", kind: accounts, required: true, max: maxProfiles}},
		answer: onlineAnswer{},
		serve:  (*API).onlineStatus,
	},
	{
		name: "event/subscribe/add",
		about: "Makes accid follow the presence of others: its devices are told when they come online and go. " +
			"Where it does already, the subscription becomes longer.",
		params: subscriptionParams(
			param{name: "ttl", kind: number, required: true, least: state.MinSubscriptionMs / 1000, most: state.MaxSubscriptionMs / 1000, about: "how long the subscriptions last, in seconds", example: "86400"}),
		answer: failedAnswer{},
		serve:  (*API).subscribe,
	},
	{
		name:   "event/subscribe/delete",
		about:  "Ends subscriptions of accid.",
		params: subscriptionParams(),
		answer: failedAnswer{},
		serve:  (*API).unsubscribe,
	},
	{
		name:  "event/subscribe/batchdel",
		about: "Ends all subscriptions of accid.",
		params: []param{
			{name: "accid", kind: account, required: true},
			eventTypeParam,
		},
		serve: (*API).unsubscribeAll,
	},
	{
		name:   "event/subscribe/query",
		about:  "Tells which of the given accounts accid follows, and how long.",
		params: subscriptionParams(),
		answer: subscribesAnswer{},
		serve:  (*API).subscriptions,
	},
	{
		name: "user/search",
		about: "Finds accounts that are not blocked, in the order of what is compared. This action is ours. " +
			"A page may have fewer accounts than asked for, or none, and still `next`.",
		params: []param{
			{name: "query", required: true, max: 64, about: "what to look for", example: "ali"},
			{name: "by", kind: number, most: 2, about: "0 (default) the whole accid, 1 its beginning, 2 the beginning of the name, whatever its case", example: "1"},
			{name: "after", max: 256, about: "`next` of the page before"},
			{name: "limit", kind: number, least: 1, most: state.MaxSearchPage, about: "20 when left out"},
		},
		answer: userSearchAnswer{},
		serve:  (*API).searchUsers,
	},
	{
		name:  "history/queryUserEvents",
		about: "Reads the logins and logouts of an account, and the logins that were refused, as long as the operator lets them be remembered.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "begintime", kind: number, required: true, most: math.MaxInt64, about: "milliseconds since 1970"},
			{name: "endtime", kind: number, required: true, most: math.MaxInt64, about: "milliseconds since 1970", example: "9000000000000"},
			{name: "limit", kind: number, required: true, least: 1, most: state.MaxEventsPage, example: "100"},
			{name: "reverse", kind: number, least: 1, most: 2, about: "1 the oldest first, 2 (default) the newest first"},
		},
		answer: userEventsAnswer{},
		serve:  (*API).userEvents,
	},
}

var eventTypeParam = param{name: "eventType", kind: number, required: true, least: eventTypeOnline, most: eventTypeOnline, about: "1 presence"}

func subscriptionParams(more ...param) []param {
	return append([]param{
		{name: "accid", kind: account, required: true},
		eventTypeParam,
		{name: "publisherAccids", kind: accounts, required: true, max: state.MaxSubscribePage, about: "whom accid follows"},
	}, more...)
}

type onlineAnswer struct {
	Data struct {
		InvalidAccids []string                  `json:"invalidAccids" of:"accid" about:"those that are not registered"`
		Status        map[string][]onlineDevice `json:"status" key:"accid" about:"those that are online"`
	} `json:"data"`
}

type onlineDevice struct {
	// Yunxin's numbers are wire's.
	ClientType wire.Platform `json:"clientType" about:"1 Android, 2 iOS, 4 PC, 16 web, 32 backend, 64 Mac"`
	LoginTime  int64         `json:"loginTime" about:"milliseconds since 1970"`
	State      uint32        `json:"state,omitempty" about:"the app's own number that the device has set"`
	Text       string        `json:"text,omitempty" about:"what the device says of itself"`
}

func (a *API) onlineStatus(ctx context.Context, c *call) (any, error) {
	online, unknown, err := a.app.OnlineStatus(ctx, c.appKey(), c.args["accids"].list)
	if err != nil {
		return nil, err
	}
	var answer onlineAnswer
	answer.Data.InvalidAccids = append([]string{}, unknown...)
	answer.Data.Status = make(map[string][]onlineDevice, len(online))
	for accid, devices := range online {
		for _, d := range devices {
			answer.Data.Status[accid] = append(answer.Data.Status[accid],
				onlineDevice{ClientType: d.Platform, LoginTime: d.LoginMs, State: d.State, Text: d.Text})
		}
	}
	return answer, nil
}

type failedAnswer struct {
	FailedAccid []string `json:"failedAccid" of:"accid" about:"those for which it could not be done: not registered, accid itself, no friends where only they may see presence, no room; or not subscribed to"`
}

func (a *API) subscribe(ctx context.Context, c *call) (any, error) {
	failed, err := a.app.Subscribe(ctx, c.appKey(), c.args["accid"].text, c.args["publisherAccids"].list,
		time.Duration(c.args["ttl"].number)*time.Second)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	return failedAnswer{append([]string{}, failed...)}, nil
}

func (a *API) unsubscribe(ctx context.Context, c *call) (any, error) {
	failed, err := a.app.Unsubscribe(ctx, c.appKey(), c.args["accid"].text, c.args["publisherAccids"].list)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	return failedAnswer{append([]string{}, failed...)}, nil
}

func (a *API) unsubscribeAll(ctx context.Context, c *call) (any, error) {
	return nil, notRegistered(a.app.UnsubscribeAll(ctx, c.appKey(), c.args["accid"].text), "accid")
}

type subscribe struct {
	Accid         string `json:"accid" about:"whom it follows"`
	EventType     int    `json:"eventType"`
	SubscribeTime int64  `json:"subscribeTime" about:"milliseconds since 1970"`
	ExpireTime    int64  `json:"expireTime" about:"milliseconds since 1970"`
}

type subscribesAnswer struct {
	Subscribes []subscribe `json:"subscribes"`
}

func (a *API) subscriptions(ctx context.Context, c *call) (any, error) {
	found, err := a.app.Subscriptions(ctx, c.appKey(), c.args["accid"].text, c.args["publisherAccids"].list)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		if err := a.requireAccounts(ctx, c, "accid"); err != nil {
			return nil, err
		}
	}
	answer := subscribesAnswer{make([]subscribe, len(found))}
	for i, s := range found {
		answer.Subscribes[i] = subscribe{Accid: s.Publisher, EventType: eventTypeOnline, SubscribeTime: s.SinceMs, ExpireTime: s.ExpiresMs}
	}
	return answer, nil
}

type userEvent struct {
	Accid      string              `json:"accid"`
	Timestamp  int64               `json:"timestamp" about:"milliseconds since 1970"`
	EventType  wire.LoginEventKind `json:"eventType" about:"2 login, 3 logout"`
	ClientIP   string              `json:"clientIp"`
	SDKVersion string              `json:"sdkVersion"`
	ClientType wire.Platform       `json:"clientType" about:"1 Android, 2 iOS, 4 PC, 16 web, 32 backend, 64 Mac"`
	DeviceID   string              `json:"deviceId"`
	CustomTag  string              `json:"customTag"`
	Code       uint32              `json:"code" about:"200, or why the login was refused or the session ended"`
}

type userEventsAnswer struct {
	Size   int         `json:"size"`
	Events []userEvent `json:"events"`
}

func (a *API) userEvents(ctx context.Context, c *call) (any, error) {
	found, _, err := a.app.LoginEvents(ctx, c.appKey(), c.args["accid"].text, state.LoginEventRange{
		FromMs: c.args["begintime"].number, ToMs: c.args["endtime"].number, Limit: int(c.args["limit"].number),
		OldestFirst: c.args["reverse"].number == 1,
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		if err := a.requireAccounts(ctx, c, "accid"); err != nil {
			return nil, err
		}
	}
	answer := userEventsAnswer{len(found), make([]userEvent, len(found))}
	for i, e := range found {
		answer.Events[i] = userEvent{
			Accid: strings.ToLower(c.args["accid"].text), Timestamp: e.TimeMs, EventType: e.Kind, ClientIP: e.Ip, SDKVersion: e.SdkVersion,
			ClientType: e.Platform, DeviceID: e.DeviceId, CustomTag: e.CustomTag, Code: e.Code,
		}
	}
	return answer, nil
}

type userSearchAnswer struct {
	Uinfos []profile `json:"uinfos"`
	Next   string    `json:"next" about:"continues the search; empty when there is no more"`
}

func (a *API) searchUsers(ctx context.Context, c *call) (any, error) {
	found, err := a.app.SearchUsers(ctx, c.appKey(), &wire.SearchUsersRequest{
		Query: c.args["query"].text, By: wire.UserSearch(c.args["by"].number), After: c.args["after"].text, Limit: uint32(c.args["limit"].number),
	})
	if err != nil {
		return nil, err
	}
	return userSearchAnswer{profilesOf(found.Profiles), found.Next}, nil
}

// profilesOf shows profiles.
func profilesOf(found []*wire.Profile) []profile {
	infos := make([]profile, len(found))
	for i, p := range found {
		infos[i] = newProfile(p)
	}
	return infos
}
