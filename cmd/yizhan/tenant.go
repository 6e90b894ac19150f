package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/yizhan-im/yizhan/appliance"
)

const tenantsPath = "/yizhan/tenants"

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "tenant",
		Usage: "create|list|set|usage [--address <admin endpoint>]",
		Short: "Creates, lists, changes and measures the tenants of a running node",
		CobraFunc: func(cmd *cobra.Command) {
			admin := new(adminClient)
			admin.addFlag(cmd)
			cmd.AddCommand(tenantCreate(admin), tenantList(admin), tenantSet(admin), tenantUsage(admin))
		},
	})
}

// limitFlags are the settings that create and set share. A value below zero
// means: not given.
func limitFlags(cmd *cobra.Command, request *appliance.TenantRequest) {
	flags := cmd.Flags()
	flags.StringVar(&request.Name, "name", "", "Name for people")
	flags.StringVar(&request.DevicePolicy, "devices", "", "Which devices of an account may be online together: "+appliance.DevicePolicies)
	flags.IntVar(&request.RequestsPerSecond, "requests-per-second", 0, "Requests that one connection may make per second, in the long run; 0 leaves it as it is")
	flags.IntVar(&request.RequestBurst, "request-burst", 0, "Requests that one connection may make at once; 0 leaves it as it is")
	flags.IntVar(&request.APIPerSecond, "api-per-second", 0, "Calls of one HTTP API action per second; 0 leaves it as it is")
	flags.IntVar(&request.EditSeconds, "edit-seconds", 0, "How long a message may be edited; 0 leaves it as it is")
	flags.IntVar(&request.RecallSeconds, "recall-seconds", 0, "How long a message may be recalled; 0 leaves it as it is")
	flags.IntVar(&request.MaxFriends, "max-friends", 0, "Friends of an account, at most 10000; 0 leaves it as it is")
	flags.IntVar(&request.MaxListed, "max-listed", 0, "Accounts on an account's blacklist and on its mute list, at most 10000; 0 leaves it as it is")
	flags.IntVar(&request.MaxTeamMembers, "max-team-members", 0, "Members of a team, at most 2000; 0 leaves it as it is")
	flags.IntVar(&request.RetentionDays, "retention-days", 0, "Days that messages are kept (default 365), -1 for ever; 0 leaves it as it is. What is older is deleted")
	flags.IntVar(&request.RetentionMessages, "retention-messages", 0, "Messages that are kept of each conversation (default 1000000), -1 all; 0 leaves it as it is")
	flags.IntVar(&request.MaxTeams, "max-teams", 0, "Teams that an account is in, at most 5000; 0 leaves it as it is")
	flags.IntVar(&request.MaxMegaTeamMembers, "max-mega-team-members", 0, "Members of a mega-team, at most 1000000; 0 leaves it as it is")
	flags.IntVar(&request.MaxMegaTeams, "max-mega-teams", 0, "Mega-teams that an account is in, at most 1000; 0 leaves it as it is")
	flags.StringVar(&request.OpenRooms, "open-rooms", "", "Whether clients may enter rooms that nobody has registered: on or off")
	flags.IntVar(&request.RoomsPerSession, "rooms-per-session", 0, "Rooms that a connection is in, at most 256; 0 leaves it as it is")
	flags.IntVar(&request.MaxRooms, "max-rooms", 0, "Rooms that the tenant may register; 0 leaves it as it is")
	flags.IntVar(&request.RoomHistory, "room-history", 0, "Messages that a registered room keeps, at most 100000; 0 leaves it as it is")
	flags.IntVar(&request.RoomHistoryDays, "room-history-days", 0, "Days that a registered room keeps its messages, at most 366; 0 leaves it as it is")
	flags.IntVar(&request.FileDays, "file-days", 0, "Days that files are kept (default for ever), -1 for ever; 0 leaves it as it is. What is older is deleted")
	flags.IntVar(&request.FileMiB, "file-mib", 0, "MiB that the tenant's files may have together, -1 without limit; 0 leaves it as it is")
	flags.IntVar(&request.AccountFileMiB, "account-file-mib", 0, "MiB that the files of one account may have together, -1 without limit; 0 leaves it as it is")
	flags.StringVar(&request.Notify, "notify", "", "Who may send notifications: clients, or only the backend")
	flags.StringVar(&request.Presence, "presence", "", "Who may see whether an account is online: "+appliance.PresenceModes)
	flags.StringVar(&request.UserSearch, "user-search", "", "How users may search for accounts: off, exact by the whole id, on also by the beginning of ids and names")
	flags.IntVar(&request.MaxSubscriptions, "max-subscriptions", 0, "Accounts whose presence an account follows, at most 10000; 0 leaves it as it is")
	flags.IntVar(&request.EventDays, "login-event-days", 0, "Days for which logins and logouts are remembered, at most 366; 0 leaves it as it is")
	flags.IntVar(&request.EventCount, "login-events", 0, "Logins and logouts that are remembered of one account, at most 1000; 0 leaves it as it is")
}

// callbackFlags are about asking the tenant's backend before operations.
func callbackFlags(cmd *cobra.Command, request *appliance.TenantRequest) {
	flags := cmd.Flags()
	flags.StringVar(&request.CallbackURL, "callback-url", "", "Where to ask the tenant's backend before operations of its users, http or https; off asks nobody")
	flags.StringVar(&request.CallbackEvents, "callback-events", "", "The operations, separated by commas: "+appliance.CallbackEvents+"; or all, as it is at first")
	flags.StringVar(&request.CallbackFail, "callback-fail", "", "What becomes of an operation when the backend does not answer: open allows it, as it is at first, closed refuses it")
	flags.IntVar(&request.CallbackTimeoutMs, "callback-timeout-ms", 0, "How long an answer may take, at most 5000, at first 2000; 0 leaves it as it is")
}

func tenantCreate(admin *adminClient) *cobra.Command {
	var request appliance.TenantRequest
	cmd := &cobra.Command{
		Use:   "create [<appkey>]",
		Short: "Creates a tenant and prints its appkey and secret",
		Long:  "Creates a tenant and prints its appkey and secret. Without an appkey, a random one is made. The secret is shown only now.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SilenceUsage = true
			if len(args) > 0 {
				request.AppKey = args[0]
			}
			var tenant appliance.TenantInfo
			if err := admin.do(http.MethodPost, tenantsPath, request, &tenant); err != nil {
				return err
			}
			return printJSON(cmd.OutOrStdout(), tenant)
		},
	}
	limitFlags(cmd, &request)
	return cmd
}

func tenantSet(admin *adminClient) *cobra.Command {
	var request appliance.TenantRequest
	cmd := &cobra.Command{
		Use:   "set <appkey>",
		Short: "Changes a tenant: its name, limits, device policy, callback or secret",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SilenceUsage = true
			var tenant appliance.TenantInfo
			if err := admin.do(http.MethodPost, tenantsPath+"/"+url.PathEscape(args[0]), request, &tenant); err != nil {
				return err
			}
			return printJSON(cmd.OutOrStdout(), tenant)
		},
	}
	limitFlags(cmd, &request)
	callbackFlags(cmd, &request)
	cmd.Flags().BoolVar(&request.NewSecret, "new-secret", false, "Replace the secret, and print it; the old one stops working at once")
	return cmd
}

func tenantList(admin *adminClient) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Lists the tenants",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			var tenants []appliance.TenantInfo
			if err := admin.do(http.MethodGet, tenantsPath, nil, &tenants); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), tenants)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "APPKEY\tNAME\tDEVICES\tREQUESTS/S\tAPI/S")
			for _, t := range tenants {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", t.AppKey, t.Name, t.DevicePolicy, t.RequestsPerSecond, t.APIPerSecond)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}
