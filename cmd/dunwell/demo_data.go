package main

import (
	"fmt"
	"time"
)

// resources is what Meridian's billing system tells: 60 customers, their
// invoices, some payments and wallets, with everything that can go wrong with a mail.
func (d *demo) resources() []map[string]any {
	d.names = map[string]string{}
	var list []map[string]any
	locales := []string{"nl-NL", "de-DE", "fr-FR", "es-ES", "en-GB", "nl-BE"}
	kinds := []string{"Bakery", "Hotel", "Bookshop", "Studio", "Canteen"}
	places := []string{"Haarlem", "Köln", "Lyon", "Sevilla", "Leeds", "Gent"}
	for i := 1; i <= 60; i++ {
		list = append(list, d.customer(i, kinds[i%len(kinds)]+" "+places[i%len(places)], locales[i%len(locales)]))
		if i%10 == 0 {
			list = append(list, map[string]any{
				"object_type": "CONTACT", "id": fmt.Sprintf("k-%02d", i), "customer_id": fmt.Sprintf("c-%02d", i),
				"name": map[string]any{"first_name": "Robin"}, "email": fmt.Sprintf("robin@c-%02d.example", i),
			})
		}
	}
	for i := 1; i <= 220; i++ {
		list = append(list, d.invoice(i))
	}
	list = append(list, d.aftermath()...)
	return append(list, d.wallets()...)
}

func (d *demo) customer(i int, name, locale string) map[string]any {
	id := fmt.Sprintf("c-%02d", i)
	d.names[id] = name
	c := map[string]any{
		"object_type": "CUSTOMER", "id": id, "status": "ACTIVE", "type": "ORGANIZATION", "locale": locale,
		"email": "accounts@" + id + ".example", "organization": map[string]any{"legal_name": name}, "billing_entity_id": "meridian",
	}
	switch i {
	case 17:
		delete(c, "email")
	case 23:
		c["notification_preferences"] = []any{map[string]any{
			"type": "INVOICE", "channels": []any{map[string]any{"type": "EMAIL", "enabled": false}},
		}}
	case 31:
		c["status"] = "CLOSED"
	}
	return c
}

func (d *demo) invoice(i int) map[string]any {
	customer := fmt.Sprintf("c-%02d", i%60+1)
	amount := fmt.Sprintf("%d.%02d", 40+i*7%1900, i*13%100)
	inv := map[string]any{
		"object_type": "INVOICE", "id": fmt.Sprintf("in-%03d", i), "invoice_number": fmt.Sprintf("MC-2026-%04d", i),
		"customer_id": customer, "status": "FINAL", "billing_entity_id": "meridian",
		"invoice_date": d.now.Format(time.RFC3339), "updated_to_final_at": d.now.Format(time.RFC3339),
		"due_date":                     d.now.AddDate(0, 0, 30).Format(time.DateOnly),
		"invoice_amount_including_tax": map[string]any{"quantity": amount, "currency": "EUR"},
		"pay_invoice_link":             map[string]any{"url": fmt.Sprintf("https://pay.meridian.example/in-%03d", i)},
	}
	switch {
	case i > 160: // history: final months ago
		inv["updated_to_final_at"] = d.now.AddDate(0, -i%12-1, 0).Format(time.RFC3339)
	case i%19 == 0:
		inv["on_hold"] = true
	case i%23 == 0:
		inv["customer_id"] = "c-new" // told of before its customer is
	case i%29 == 0:
		inv["type"] = "CREDIT"
	case i > 150:
		inv["status"] = "DRAFT"
	}
	return inv
}

// aftermath: failed payments, one of which has been made good before its
// message could go, and the same invoices told once more, which changes nothing.
func (d *demo) aftermath() []map[string]any {
	var list []map[string]any
	for i := 1; i <= 12; i++ {
		list = append(list, map[string]any{
			"object_type": "PAYMENT", "id": fmt.Sprintf("pay-%02d", i), "invoice_id": fmt.Sprintf("in-%03d", i), "result": "REFUSED",
			"customer_id": fmt.Sprintf("c-%02d", i%60+1), "timestamp": d.now.Format(time.RFC3339),
			"amount": d.invoice(i)["invoice_amount_including_tax"],
		})
	}
	paid := d.invoice(3)
	paid["payment_status"] = "PAID"
	list = append(list, paid)
	for i := 20; i < 40; i++ {
		list = append(list, d.invoice(i))
	}
	return list
}

// wallets: four run low, one of which is topped up before its message could go.
func (d *demo) wallets() []map[string]any {
	list := []map[string]any{{"object_type": "WALLET_TYPE", "id": "tastings", "name": "Tasting credits", "type": "CREDIT", "status": "ACTIVE"}}
	for _, told := range []struct {
		customer int
		left     string
	}{{4, "90"}, {4, "9"}, {16, "60"}, {16, "15"}, {22, "30"}, {22, "4"}, {28, "75"}, {28, "12"}, {28, "100"}} {
		list = append(list, map[string]any{
			"object_type": "WALLET", "id": fmt.Sprintf("wa-%02d", told.customer), "customer_id": fmt.Sprintf("c-%02d", told.customer),
			"wallet_type_id": "tastings", "status": "ACTIVE", "balance_at": d.now.Format(time.RFC3339),
			"balance": tastings(told.left), "granted": tastings("100"),
		})
	}
	return list
}

func tastings(n string) map[string]any {
	return map[string]any{"credits": map[string]any{"quantity": n, "credit_type_id": "tasting"}}
}
