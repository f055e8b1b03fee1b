"""``{{ deal.value|money:deal.currency }}``."""

from django import template

from crm.money import format_money

register = template.Library()
register.filter("money", format_money)
