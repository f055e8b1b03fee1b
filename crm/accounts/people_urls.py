from django.urls import path

from crm.accounts import invitation_views, lost_views, people_views, preview_views, team_views

app_name = "people"

urlpatterns = [
    path("users/", people_views.users, name="users"),
    path("users/invite/", invitation_views.invite, name="invite"),
    path("users/access/", people_views.access_table, name="access_table"),
    path("users/preview/stop/", preview_views.stop, name="preview_stop"),
    path("users/<int:pk>/", people_views.user, name="user"),
    path("users/<int:pk>/access/", people_views.access, name="access"),
    path("users/<int:pk>/link/", invitation_views.new_link, name="new_link"),
    path("users/<int:pk>/withdraw/", invitation_views.withdraw, name="withdraw"),
    path("users/<int:pk>/activate/", people_views.activate, name="activate"),
    path("users/<int:pk>/deactivate/", people_views.deactivate, name="deactivate"),
    path("users/<int:pk>/password-link/", lost_views.password_link, name="password_link"),
    path("users/<int:pk>/second-factor/remove/", lost_views.remove_factors, name="remove_factors"),
    path("users/<int:pk>/hand-over/", people_views.hand_over_records, name="hand_over"),
    path("users/<int:pk>/preview/", preview_views.start, name="preview"),
    path("teams/", team_views.teams, name="teams"),
    path("teams/new/", team_views.new, name="team_new"),
    path("teams/<int:pk>/", team_views.team, name="team"),
    path("teams/<int:pk>/delete/", team_views.delete, name="team_delete"),
]
