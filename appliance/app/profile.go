package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The most characters of each text of a profile, and the genders (Yunxin
// user/create).
const (
	maxName   = 64
	maxIcon   = 1024
	maxSign   = 256
	maxEmail  = 64
	maxBirth  = 16
	maxMobile = 32
	maxEx     = 1024
	maxGender = 2 // 0 unknown, 1 male, 2 female
)

// profiles reads profiles of accounts of the session's tenant.
func (a *App) profiles(r *request, payload []byte) error {
	var in wire.ProfilesRequest // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	accounts, err := accountNames(in.Accounts)
	if err != nil {
		return err
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		found, err := a.queries.Profiles(tenant, accounts)
		if err != nil {
			return nil, err
		}
		return &wire.ProfilesResponse{Profiles: found}, nil
	})
}

// updateProfile changes the account's own profile.
func (a *App) updateProfile(r *request, payload []byte) error {
	var in wire.UpdateProfileRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := checkProfile(&in); err != nil {
		return err
	}
	if err := a.askProfile(r, &in); err != nil {
		return err
	}
	in.ProtoReflect().SetUnknown(nil) // what nobody has checked must not get into the log
	return a.submit(r, &state.UpdateProfile{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Account: r.identity.Account, Update: &in,
	})
}

// UpdateProfile changes the fields of an account's profile that u has.
func (a *App) UpdateProfile(ctx context.Context, appKey, account string, u *wire.UpdateProfileRequest) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	if err := checkProfile(u); err != nil {
		return err
	}
	return a.proposeAccount(ctx, &state.UpdateProfile{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account, Update: u,
	})
}

// Profiles reads the profiles of 1–200 accounts. Unknown ones are left out.
func (a *App) Profiles(ctx context.Context, appKey string, accounts []string) ([]*wire.Profile, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	if accounts, err = accountNames(accounts); err != nil {
		return nil, err
	}
	found, err := a.queries.Profiles(t.ID, accounts)
	if err != nil {
		return nil, a.edge(err)
	}
	return found, nil
}

// accountNames checks a list of accounts.
func accountNames(in []string) ([]string, error) {
	if len(in) == 0 || len(in) > maxProfilesPage {
		return nil, wire.Errorf(wire.CodeBadParameter, "accounts must name 1 to %d accounts", maxProfilesPage)
	}
	out := make([]string, len(in))
	for i, name := range in {
		var err error
		if out[i], err = accountName("accounts", name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkProfile checks the fields that u has.
func checkProfile(u *wire.UpdateProfileRequest) error {
	for _, f := range []struct {
		name string
		text *string
		most int
	}{
		{"name", u.Name, maxName}, {"icon", u.Icon, maxIcon}, {"sign", u.Sign, maxSign}, {"email", u.Email, maxEmail},
		{"birth", u.Birth, maxBirth}, {"mobile", u.Mobile, maxMobile}, {"ex", u.Ex, maxEx},
	} {
		if f.text == nil {
			continue
		}
		if err := charsWithin(f.name, *f.text, f.most); err != nil {
			return err
		}
	}
	if u.Gender != nil && *u.Gender > maxGender {
		return wire.Errorf(wire.CodeBadParameter, "gender must be 0, 1 or 2")
	}
	return nil
}

// checkNewProfile checks a whole profile.
func checkNewProfile(p *wire.Profile) error {
	return checkProfile(&wire.UpdateProfileRequest{
		Name: &p.Name, Icon: &p.Icon, Sign: &p.Sign, Email: &p.Email, Birth: &p.Birth,
		Mobile: &p.Mobile, Gender: &p.Gender, Ex: &p.Ex,
	})
}
