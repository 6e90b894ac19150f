package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// demoAppKey is the tenant that quickstart makes.
const demoAppKey = "demo"

var demoAccounts = []string{"alice", "bob"}

// demo is what quickstart remembers of its tenant, in a file that only the
// owner may read: the node keeps hashes of tokens, not tokens.
type demo struct {
	AppKey    string            `json:"app_key"`
	AppSecret string            `json:"app_secret"`
	Tokens    map[string]string `json:"tokens"`
}

// ensureDemo creates what is missing of the demo tenant and returns all of it.
func ensureDemo(ctx context.Context, node *appliance.Node, file string) (*demo, error) {
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
		token, err := node.App().CreateAccount(ctx, d.AppKey, account, "", &wire.Profile{Name: account})
		if wire.CodeOf(err) == wire.CodeRepeated {
			token, err = node.App().RefreshToken(ctx, d.AppKey, account)
		}
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", account, err)
		}
		d.Tokens[account] = token
	}
	return d, writeDemo(file, d)
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

func writeDemo(file string, d *demo) error {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o600)
}
