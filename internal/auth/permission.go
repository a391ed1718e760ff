package auth

import "strings"

// Permission is RESOURCE.ACTION, as the routes demand it.
type Permission string

// The permissions of this version's routes.
const (
	WorkflowView   Permission = "WORKFLOW.VIEW"
	WorkflowCreate Permission = "WORKFLOW.CREATE"
	WorkflowUpdate Permission = "WORKFLOW.UPDATE"

	ActionView   Permission = "WORKFLOW_ACTION.VIEW"
	ActionCreate Permission = "WORKFLOW_ACTION.CREATE"
	ActionUpdate Permission = "WORKFLOW_ACTION.UPDATE"
	ActionDelete Permission = "WORKFLOW_ACTION.DELETE"

	TriggerView   Permission = "WORKFLOW_TRIGGER.VIEW"
	TriggerCreate Permission = "WORKFLOW_TRIGGER.CREATE"

	ExecutionView Permission = "WORKFLOW_EXECUTION.VIEW"

	CustomerView   Permission = "CUSTOMER.VIEW"
	CustomerCreate Permission = "CUSTOMER.CREATE"
	CustomerUpdate Permission = "CUSTOMER.UPDATE"
	CustomerDelete Permission = "CUSTOMER.DELETE"

	ContactView   Permission = "CONTACT.VIEW"
	ContactCreate Permission = "CONTACT.CREATE"
	ContactUpdate Permission = "CONTACT.UPDATE"
	ContactDelete Permission = "CONTACT.DELETE"

	InvoiceView   Permission = "INVOICE.VIEW"
	InvoiceCreate Permission = "INVOICE.CREATE"
	InvoiceUpdate Permission = "INVOICE.UPDATE"
	InvoiceDelete Permission = "INVOICE.DELETE"

	OneOffCreate Permission = "INVOICE.ONE_OFF.CREATE" // of an invoice by POST, as published

	PaymentView   Permission = "PAYMENT.VIEW"
	PaymentCreate Permission = "PAYMENT.CREATE"
	PaymentUpdate Permission = "PAYMENT.UPDATE"
	PaymentDelete Permission = "PAYMENT.DELETE"

	BillingEntityView   Permission = "BILLING_ENTITY.VIEW"
	BillingEntityCreate Permission = "BILLING_ENTITY.CREATE"
	BillingEntityUpdate Permission = "BILLING_ENTITY.UPDATE"
	BillingEntityDelete Permission = "BILLING_ENTITY.DELETE"

	SubscriptionView   Permission = "PRICING_PLAN_SUBSCRIPTION.VIEW"
	SubscriptionCreate Permission = "PRICING_PLAN_SUBSCRIPTION.CREATE"
	SubscriptionUpdate Permission = "PRICING_PLAN_SUBSCRIPTION.UPDATE"
	SubscriptionDelete Permission = "PRICING_PLAN_SUBSCRIPTION.DELETE"

	ScheduleView   Permission = "PRICING_PLAN_SCHEDULE.VIEW"
	ScheduleCreate Permission = "PRICING_PLAN_SCHEDULE.CREATE"
	ScheduleUpdate Permission = "PRICING_PLAN_SCHEDULE.UPDATE"
	ScheduleDelete Permission = "PRICING_PLAN_SCHEDULE.DELETE"

	WalletTypeView   Permission = "WALLET_TYPE.VIEW"
	WalletTypeCreate Permission = "WALLET_TYPE.CREATE"
	WalletTypeUpdate Permission = "WALLET_TYPE.UPDATE"
	WalletTypeDelete Permission = "WALLET_TYPE.DELETE"

	WalletView   Permission = "WALLET.VIEW"
	WalletCreate Permission = "WALLET.CREATE"
	WalletUpdate Permission = "WALLET.UPDATE"
	WalletDelete Permission = "WALLET.DELETE"

	IntegrationView   Permission = "INTEGRATION.VIEW"
	IntegrationCreate Permission = "INTEGRATION.CREATE"
	IntegrationUpdate Permission = "INTEGRATION.UPDATE"
	IntegrationDelete Permission = "INTEGRATION.DELETE"

	SourceView   Permission = "SOURCE.VIEW"
	SourceCreate Permission = "SOURCE.CREATE"
	SourceUpdate Permission = "SOURCE.UPDATE"

	PlatformView   Permission = "PLATFORM.VIEW"
	PlatformCreate Permission = "PLATFORM.CREATE" // the bootstrap administrator's alone
	PlatformUpdate Permission = "PLATFORM.UPDATE"

	KeyView   Permission = "USER.API.VIEW"
	KeyCreate Permission = "USER.API.CREATE"
	KeyUpdate Permission = "USER.API.UPDATE"

	RoleView   Permission = "ROLE.VIEW"
	RoleCreate Permission = "ROLE.CREATE"
	RoleUpdate Permission = "ROLE.UPDATE"

	HoldView   Permission = "HOLD.VIEW"
	HoldCreate Permission = "HOLD.CREATE"
	HoldUpdate Permission = "HOLD.UPDATE"

	SuppressionView   Permission = "SUPPRESSION.VIEW"
	SuppressionCreate Permission = "SUPPRESSION.CREATE"
	SuppressionDelete Permission = "SUPPRESSION.DELETE"

	ResourceIngest Permission = "RESOURCE.INGEST"
	MessageView    Permission = "MESSAGE.VIEW"
)

// Permissions lists them all: another name grants nothing and is refused.
var Permissions = []Permission{
	WorkflowView, WorkflowCreate, WorkflowUpdate,
	ActionView, ActionCreate, ActionUpdate, ActionDelete,
	TriggerView, TriggerCreate, ExecutionView,
	CustomerView, CustomerCreate, CustomerUpdate, CustomerDelete,
	ContactView, ContactCreate, ContactUpdate, ContactDelete,
	InvoiceView, InvoiceCreate, InvoiceUpdate, InvoiceDelete, OneOffCreate,
	PaymentView, PaymentCreate, PaymentUpdate, PaymentDelete,
	BillingEntityView, BillingEntityCreate, BillingEntityUpdate, BillingEntityDelete,
	SubscriptionView, SubscriptionCreate, SubscriptionUpdate, SubscriptionDelete,
	ScheduleView, ScheduleCreate, ScheduleUpdate, ScheduleDelete,
	WalletTypeView, WalletTypeCreate, WalletTypeUpdate, WalletTypeDelete,
	WalletView, WalletCreate, WalletUpdate, WalletDelete,
	IntegrationView, IntegrationCreate, IntegrationUpdate, IntegrationDelete,
	SourceView, SourceCreate, SourceUpdate,
	PlatformView, PlatformCreate, PlatformUpdate,
	KeyView, KeyCreate, KeyUpdate,
	RoleView, RoleCreate, RoleUpdate,
	HoldView, HoldCreate, HoldUpdate,
	SuppressionView, SuppressionCreate, SuppressionDelete,
	ResourceIngest, MessageView,
}

// Grants is a set of permissions.
type Grants map[Permission]bool

// GrantsOf is the set of a list.
func GrantsOf(list []Permission) Grants {
	g := make(Grants, len(list))
	for _, p := range list {
		g[p] = true
	}
	return g
}

func (g Grants) add(more Grants) {
	for p := range more {
		g[p] = true
	}
}

// RoleType is a set of permissions that everybody knows.
type RoleType string

// The types. What a later version adds to the permissions is in them too.
const (
	NoRole        RoleType = ""
	Administrator RoleType = "ADMINISTRATOR" // everything but PLATFORM.CREATE
	ReadOnly      RoleType = "READ_ONLY"     // every permission that ends in .VIEW
)

// Grants is what the type permits.
func (t RoleType) Grants() Grants {
	g := Grants{}
	for _, p := range Permissions {
		if t == Administrator && p != PlatformCreate || t == ReadOnly && strings.HasSuffix(string(p), ".VIEW") {
			g[p] = true
		}
	}
	return g
}
