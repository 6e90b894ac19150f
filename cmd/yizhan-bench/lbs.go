package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// gateway is a Link gateway to connect to.
type gateway struct {
	address string // host:port
	key     []byte // its public key
}

// askLBS asks LBS as a tenant's app does and returns the first Link gateway.
func askLBS(ctx context.Context, address, appKey string) (gateway, error) {
	u, err := url.Parse(address)
	if err != nil {
		return gateway{}, fmt.Errorf("--lbs: %w", err)
	}
	query := u.Query()
	query.Set("k", appKey)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return gateway{}, fmt.Errorf("--lbs: %w", err)
	}
	body, err := fetch(http.DefaultClient, request)
	if err != nil {
		return gateway{}, fmt.Errorf("--lbs: %w", err)
	}
	return parseLBS(body)
}

func parseLBS(body []byte) (gateway, error) {
	var answer struct {
		Code         wire.Code `json:"code"`
		Desc         string    `json:"desc"`
		AccessPoints []struct {
			Transport string `json:"transport"`
			Address   string `json:"address"`
		} `json:"access_points"`
		LinkKey string `json:"link_key"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return gateway{}, fmt.Errorf("--lbs: the answer is not JSON: %w", err)
	}
	if answer.Code != wire.CodeOK {
		return gateway{}, fmt.Errorf("--lbs: %w", wire.Errorf(answer.Code, "%s", answer.Desc))
	}
	key, err := secure.ParsePublicKey(answer.LinkKey)
	if err != nil {
		return gateway{}, fmt.Errorf("--lbs: link_key: %w", err)
	}
	for _, point := range answer.AccessPoints {
		if point.Transport == "link" {
			return gateway{address: point.Address, key: key}, nil
		}
	}
	return gateway{}, fmt.Errorf("--lbs: the answer names no access point for Link")
}
