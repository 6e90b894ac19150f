package caddymodules

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func init() {
	caddy.RegisterModule(new(Admin))
}

// Admin serves the operator's requests at Caddy's admin endpoint:
//
//	GET  /yizhan/status            what this node is doing
//	GET  /yizhan/tenants           the tenants, without their secrets
//	POST /yizhan/tenants           create one; answers with its secret, once
//	GET  /yizhan/tenants/<appkey>  what one uses
//	POST /yizhan/tenants/<appkey>  change one
//	POST /yizhan/snapshot          take a snapshot of the store now
type Admin struct{}

// CaddyModule implements caddy.Module.
func (*Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.yizhan", New: func() caddy.Module { return new(Admin) }}
}

// maxAdminBody bounds a request, in bytes.
const maxAdminBody = 64 << 10

const tenantsPath = "/yizhan/tenants"

// Routes implements caddy.AdminRouter.
func (a *Admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/yizhan/status", Handler: onNode(http.MethodGet, a.status)},
		{Pattern: "/yizhan/snapshot", Handler: onNode(http.MethodPost, a.snapshot)},
		{Pattern: tenantsPath, Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if r.Method == http.MethodPost {
				return onNode(http.MethodPost, a.createTenant).ServeHTTP(w, r)
			}
			return onNode(http.MethodGet, a.tenants).ServeHTTP(w, r)
		})},
		{Pattern: tenantsPath + "/", Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if r.Method == http.MethodGet {
				return onNode(http.MethodGet, a.usage).ServeHTTP(w, r)
			}
			return onNode(http.MethodPost, a.updateTenant).ServeHTTP(w, r)
		})},
	}
}

func (*Admin) status(node *appliance.Node, _ *http.Request) (any, error) {
	return node.Status(), nil
}

func (*Admin) snapshot(node *appliance.Node, r *http.Request) (any, error) {
	return struct{}{}, node.Snapshot(r.Context())
}

func (*Admin) tenants(node *appliance.Node, r *http.Request) (any, error) {
	return node.Tenants(r.Context())
}

func (*Admin) createTenant(node *appliance.Node, r *http.Request) (any, error) {
	var request appliance.TenantRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	return node.CreateTenant(r.Context(), request)
}

func (*Admin) updateTenant(node *appliance.Node, r *http.Request) (any, error) {
	var request appliance.TenantRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	request.AppKey = strings.TrimPrefix(r.URL.Path, tenantsPath+"/")
	return node.UpdateTenant(r.Context(), request)
}

func (*Admin) usage(node *appliance.Node, r *http.Request) (any, error) {
	return node.Usage(r.Context(), strings.TrimPrefix(r.URL.Path, tenantsPath+"/"))
}

// onNode answers one method with what serve returns, as JSON.
func onNode(method string, serve func(*appliance.Node, *http.Request) (any, error)) caddy.AdminHandler {
	return caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != method {
			w.Header().Set("Allow", method)
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("use %s", method)}
		}
		node, err := ActiveNode(r.Context())
		if err != nil {
			return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
		}
		answer, err := serve(node, r)
		if err != nil {
			return apiError(err)
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(answer)
	})
}

func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxAdminBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return wire.Errorf(wire.CodeBadParameter, "the request's JSON: %v", err)
	}
	return nil
}

// httpStatuses maps the codes that admin requests can meet.
var httpStatuses = map[wire.Code]int{
	wire.CodeBadParameter: http.StatusBadRequest,
	wire.CodeForbidden:    http.StatusForbidden,
	wire.CodeNotFound:     http.StatusNotFound,
	wire.CodeRepeated:     http.StatusConflict,
	wire.CodeBusy:         http.StatusServiceUnavailable,
}

func apiError(err error) error {
	status, known := httpStatuses[wire.CodeOf(err)]
	if !known {
		status = http.StatusInternalServerError
	}
	return caddy.APIError{HTTPStatus: status, Err: err}
}

// Interface guard
var _ caddy.AdminRouter = (*Admin)(nil)
