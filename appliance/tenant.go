package appliance

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// DevicePolicies lists the names of device policies, for people.
var DevicePolicies = strings.Join(session.PolicyNames(), ", ")

// TenantRequest creates or changes a tenant. A zero field takes the default, or
// leaves what is.
type TenantRequest struct {
	// AppKey is 1–64 letters, digits, hyphens and underscores. CreateTenant makes
	// a random one when it is empty.
	AppKey string `json:"app_key,omitempty"`
	// Name is for people, at most 64 characters.
	Name string `json:"name,omitempty"`
	// DevicePolicy is one of DevicePolicies.
	DevicePolicy string `json:"device_policy,omitempty"`
	// RequestsPerSecond and RequestBurst bound each connection.
	RequestsPerSecond int `json:"requests_per_second,omitempty"`
	RequestBurst      int `json:"request_burst,omitempty"`
	// APIPerSecond bounds the calls of each HTTP API action.
	APIPerSecond int `json:"api_per_second,omitempty"`
	// RecallSeconds is how long a message may be recalled.
	RecallSeconds int `json:"recall_seconds,omitempty"`
	// EditSeconds is how long a message may be edited.
	EditSeconds int `json:"edit_seconds,omitempty"`
	// MaxFriends bounds the friends of an account, MaxListed its blacklist and its
	// mute list; at most 10,000.
	MaxFriends int `json:"max_friends,omitempty"`
	MaxListed  int `json:"max_listed,omitempty"`
	// MaxTeamMembers bounds the members of a team, at most 2,000, MaxTeams the
	// teams that an account is in, at most 5,000.
	MaxTeamMembers int `json:"max_team_members,omitempty"`
	MaxTeams       int `json:"max_teams,omitempty"`
	PresenceRequest
	RoomsRequest
	MegaTeamsRequest
	NotifyRequest
	FilesRequest
	// RetentionDays is for how many days messages are kept, RetentionMessages how
	// many of one conversation; -1 means for ever. What is older is removed.
	RetentionDays     int `json:"retention_days,omitempty"`
	RetentionMessages int `json:"retention_messages,omitempty"`
	// CallbackURL is where the tenant's backend is asked before operations of its
	// users, http or https; "off" removes it. The callback fields are only for
	// UpdateTenant.
	CallbackURL string `json:"callback_url,omitempty"`
	// CallbackEvents names these operations, separated by commas: CallbackEvents of
	// this package. Default, when a callback is new: all.
	CallbackEvents string `json:"callback_events,omitempty"`
	// CallbackFail says what becomes of an operation when the backend does not
	// answer: "open" (default) allows, "closed" refuses it.
	CallbackFail string `json:"callback_fail,omitempty"`
	// CallbackTimeoutMs is how long an answer may take, at most 5,000; default
	// 2,000.
	CallbackTimeoutMs int `json:"callback_timeout_ms,omitempty"`
	// NewSecret replaces the secret; only for UpdateTenant.
	NewSecret bool `json:"new_secret,omitempty"`
}

// TenantInfo is a tenant as operators see it.
type TenantInfo struct {
	AppKey string `json:"app_key"`
	// AppSecret is there only in the answer to the request that made it.
	AppSecret         string `json:"app_secret,omitempty"`
	Name              string `json:"name"`
	DevicePolicy      string `json:"device_policy"`
	RequestsPerSecond int    `json:"requests_per_second"`
	RequestBurst      int    `json:"request_burst"`
	APIPerSecond      int    `json:"api_per_second"`
	RecallSeconds     int    `json:"recall_seconds"`
	EditSeconds       int    `json:"edit_seconds"`
	MaxFriends        int    `json:"max_friends"`
	MaxListed         int    `json:"max_listed"`
	MaxTeamMembers    int    `json:"max_team_members"`
	MaxTeams          int    `json:"max_teams"`
	PresenceInfo
	RoomsInfo
	MegaTeamsInfo
	NotifyInfo
	FilesInfo
	RetentionDays     int    `json:"retention_days"`         // -1: for ever
	RetentionMessages int    `json:"retention_messages"`     // -1: all
	CallbackURL       string `json:"callback_url,omitempty"` // the rest only with it
	CallbackEvents    string `json:"callback_events,omitempty"`
	CallbackFail      string `json:"callback_fail,omitempty"`
	CallbackTimeoutMs int    `json:"callback_timeout_ms,omitempty"`
	CreatedMs         int64  `json:"created_ms"`
}

// maxTenantName is the longest name, in characters.
const maxTenantName = 64

// validate says what is wrong with r, as a *wire.Error.
func (r *TenantRequest) validate() error {
	if err := app.CheckAppKey(r.AppKey); err != nil {
		return err
	}
	if !utf8.ValidString(r.Name) || utf8.RuneCountInString(r.Name) > maxTenantName {
		return wire.Errorf(wire.CodeBadParameter, "name is not text of at most %d characters", maxTenantName)
	}
	for name, n := range map[string]int{
		"requests_per_second": r.RequestsPerSecond, "request_burst": r.RequestBurst,
		"api_per_second": r.APIPerSecond, "recall_seconds": r.RecallSeconds, "edit_seconds": r.EditSeconds,
		"max_friends": r.MaxFriends, "max_listed": r.MaxListed,
		"max_team_members": r.MaxTeamMembers, "max_teams": r.MaxTeams,
		"callback_timeout_ms": r.CallbackTimeoutMs,
		"max_subscriptions":   r.MaxSubscriptions, "login_event_days": r.EventDays, "login_events": r.EventCount,
	} {
		if n < 0 {
			return wire.Errorf(wire.CodeBadParameter, "%s must not be negative", name)
		}
	}
	return r.validateRetention()
}

// apply puts what r asks for into l.
func (r *TenantRequest) apply(l *state.Limits) error {
	if r.DevicePolicy != "" {
		policy, err := session.ParsePolicy(r.DevicePolicy)
		if err != nil {
			return wire.Errorf(wire.CodeBadParameter, "device_policy: %v", err)
		}
		l.DevicePolicy = uint8(policy)
	}
	for _, field := range []struct {
		asked int
		limit *int
	}{
		{r.RequestsPerSecond, &l.RequestsPerSecond},
		{r.RequestBurst, &l.RequestBurst},
		{r.APIPerSecond, &l.APIPerSecond},
		{r.RecallSeconds, &l.RecallSeconds},
		{r.EditSeconds, &l.EditSeconds},
		{r.MaxFriends, &l.MaxFriends},
		{r.MaxListed, &l.MaxListed},
		{r.MaxTeamMembers, &l.MaxTeamMembers},
		{r.MaxTeams, &l.MaxTeams},
		{r.MaxSubscriptions, &l.MaxSubscriptions},
		{r.EventDays, &l.EventDays},
		{r.EventCount, &l.EventCount},
		{retention(r.RetentionDays), &l.RetentionDays},
		{retention(r.RetentionMessages), &l.RetentionMessages},
	} {
		if field.asked != 0 {
			*field.limit = field.asked
		}
	}
	if err := r.applyMegaTeams(l); err != nil {
		return err
	}
	if err := r.applyRooms(l); err != nil {
		return err
	}
	if err := r.applyNotify(l); err != nil {
		return err
	}
	if err := r.applyFiles(l); err != nil {
		return err
	}
	return r.applyPresence(l)
}

// CreateTenant adds a tenant and returns it with its secret, which is shown
// only this once. Errors are *wire.Error; CodeRepeated: the appkey exists.
func (n *Node) CreateTenant(ctx context.Context, r TenantRequest) (TenantInfo, error) {
	if r.AppKey == "" {
		r.AppKey = app.NewSecret() // as random as a secret: nobody can guess appkeys
	}
	if err := r.validate(); err != nil {
		return TenantInfo{}, err
	}
	if r.NewSecret {
		return TenantInfo{}, wire.Errorf(wire.CodeBadParameter, "new_secret is only for a tenant that exists: every new one gets a secret")
	}
	if r.changesCallback() {
		return TenantInfo{}, wire.Errorf(wire.CodeBadParameter, "callback settings are only for a tenant that exists: create it, give its secret to the backend, then set them")
	}
	var limits state.Limits
	if err := r.apply(&limits); err != nil {
		return TenantInfo{}, err
	}
	t, err := n.app.CreateTenant(ctx, r.AppKey, r.Name, limits)
	if wire.CodeOf(err) == wire.CodeRepeated {
		err = wire.Errorf(wire.CodeRepeated, "the appkey %s is taken", r.AppKey)
	}
	if err != nil {
		return TenantInfo{}, err
	}
	n.logger.Info("tenant created", "appkey", t.AppKey)
	info := tenantInfo(t)
	info.AppSecret = t.Secret
	return info, nil
}

// UpdateTenant changes a tenant. The secret is in the answer only when r asked
// for a new one. Errors are *wire.Error; CodeNotFound: no such appkey.
func (n *Node) UpdateTenant(ctx context.Context, r TenantRequest) (TenantInfo, error) {
	if err := r.validate(); err != nil {
		return TenantInfo{}, err
	}
	update := state.UpdateTenant{AppKey: r.AppKey}
	if r.Name != "" {
		update.Name = &r.Name
	}
	if r.NewSecret {
		secret := app.NewSecret()
		update.Secret = &secret
	}
	limits, err := n.changedLimits(ctx, &r)
	if err != nil {
		return TenantInfo{}, err
	}
	update.Limits = limits
	callback, err := n.changedCallback(ctx, &r)
	if err != nil {
		return TenantInfo{}, err
	}
	t, err := n.updateTenant(ctx, update, callback)
	if wire.CodeOf(err) == wire.CodeNotFound {
		err = noTenant(r.AppKey)
	}
	if err != nil {
		return TenantInfo{}, err
	}
	n.logger.Info("tenant changed", "appkey", t.AppKey, "new_secret", r.NewSecret)
	info := tenantInfo(t)
	if r.NewSecret {
		info.AppSecret = t.Secret
	}
	return info, nil
}

// changedLimits are the tenant's limits with what r asks for, nil when r asks
// for nothing. Of two operators who change limits at the same moment, the later
// wins.
func (n *Node) changedLimits(ctx context.Context, r *TenantRequest) (*state.Limits, error) {
	var asked state.Limits
	if err := r.apply(&asked); err != nil {
		return nil, err
	}
	if asked == (state.Limits{}) && r.DevicePolicy == "" {
		return nil, nil
	}
	t, err := n.tenant(ctx, r.AppKey)
	if err != nil {
		return nil, err
	}
	limits := t.Limits
	return &limits, r.apply(&limits)
}

// tenant finds a tenant as it is stored now.
func (n *Node) tenant(ctx context.Context, appKey string) (*state.Tenant, error) {
	tenants, err := n.app.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range tenants {
		if t.AppKey == appKey {
			return t, nil
		}
	}
	return nil, noTenant(appKey)
}

func noTenant(appKey string) error {
	return wire.Errorf(wire.CodeNotFound, "no tenant has the appkey %s", appKey)
}

// Tenants lists the tenants, without their secrets.
func (n *Node) Tenants(ctx context.Context) ([]TenantInfo, error) {
	tenants, err := n.app.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]TenantInfo, len(tenants))
	for i, t := range tenants {
		infos[i] = tenantInfo(t)
		if infos[i].FilesStored, infos[i].FileBytesStored, err = n.app.FileTotals(t.ID); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

func tenantInfo(t *state.Tenant) TenantInfo {
	info := TenantInfo{
		AppKey:            t.AppKey,
		Name:              t.Name,
		DevicePolicy:      session.Policy(t.Limits.DevicePolicy).String(),
		RequestsPerSecond: t.Limits.RequestsPerSecond,
		RequestBurst:      t.Limits.RequestBurst,
		APIPerSecond:      t.Limits.APIPerSecond,
		RecallSeconds:     t.Limits.RecallSeconds,
		EditSeconds:       t.Limits.EditSeconds,
		MaxFriends:        t.Limits.MaxFriends,
		MaxListed:         t.Limits.MaxListed,
		MaxTeamMembers:    t.Limits.MaxTeamMembers,
		MaxTeams:          t.Limits.MaxTeams,
		PresenceInfo:      presenceInfo(&t.Limits),
		RoomsInfo:         roomsInfo(&t.Limits),
		MegaTeamsInfo:     megaTeamsInfo(&t.Limits),
		NotifyInfo:        notifyInfo(&t.Limits),
		FilesInfo:         filesInfo(&t.Limits),
		RetentionDays:     shownRetention(t.Limits.RetentionDays),
		RetentionMessages: shownRetention(t.Limits.RetentionMessages),
		CreatedMs:         t.CreatedMs,
	}
	info.setCallback(t.Callback)
	return info
}
