package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// demoAppKey is the tenant that quickstart makes.
const demoAppKey = "demo"

var demoAccounts = []string{"alice", "bob", "carol"}

// The files of the demo, in quickstart's folder.
const (
	demoFile = "demo.json"
	// demoUsersFile is what the chat offers to browsers on this machine (the
	// Caddyfile's option demo): it has no secret of the tenant.
	demoUsersFile = "demo-users.json"
)

// demo is what quickstart remembers of its tenant, in a file that only the
// owner may read: the node keeps hashes of tokens, not tokens.
type demo struct {
	AppKey    string            `json:"app_key"`
	AppSecret string            `json:"app_secret"`
	Tokens    map[string]string `json:"tokens"`
}

// ensureDemo creates what is missing of the demo tenant and returns all of it.
func ensureDemo(ctx context.Context, node *appliance.Node, dir string) (*demo, error) {
	file := filepath.Join(dir, demoFile)
	d, err := readDemo(file)
	if err != nil {
		return nil, err
	}
	if d.AppSecret == "" {
		tenant, err := node.CreateTenant(ctx, appliance.TenantRequest{AppKey: demoAppKey, Name: "Demo"})
		if wire.CodeOf(err) == wire.CodeRepeated {
			tenant, err = node.UpdateTenant(ctx, appliance.TenantRequest{AppKey: demoAppKey, NewSecret: true})
		}
		if err != nil {
			return nil, err
		}
		d.AppKey, d.AppSecret = tenant.AppKey, tenant.AppSecret
	}
	for _, account := range demoAccounts {
		if d.Tokens[account] != "" {
			continue
		}
		token, err := node.App().CreateAccount(ctx, d.AppKey, account, "", &wire.Profile{Name: demoName(account)})
		if wire.CodeOf(err) == wire.CodeRepeated {
			token, err = node.App().RefreshToken(ctx, d.AppKey, account)
		}
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", account, err)
		}
		d.Tokens[account] = token
	}
	if err := writeDemo(file, d); err != nil {
		return nil, err
	}
	return d, writeDemo(filepath.Join(dir, demoUsersFile), d.users())
}

// demoName is the name of a demo account: "Alice" for alice.
func demoName(account string) string { return strings.ToUpper(account[:1]) + account[1:] }

// demoUsers is what a page needs to sign in as one of the demo users.
type demoUsers struct {
	AppKey string     `json:"app_key"`
	Users  []demoUser `json:"users"`
}

type demoUser struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Token   string `json:"token"`
}

func (d *demo) users() demoUsers {
	users := demoUsers{AppKey: d.AppKey}
	for _, account := range demoAccounts {
		users.Users = append(users.Users, demoUser{account, demoName(account), d.Tokens[account]})
	}
	return users
}

func readDemo(file string) (*demo, error) {
	d := &demo{AppKey: demoAppKey, Tokens: map[string]string{}}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err == nil {
		err = json.Unmarshal(b, d)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w (delete it to get new demo tokens)", file, err)
	}
	return d, nil
}

// writeDemo writes v as JSON for the owner's eyes only.
func writeDemo(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o600)
}
